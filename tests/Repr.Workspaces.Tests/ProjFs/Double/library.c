/* What the provider calls: Prj*. */
#include "double.h"

struct settings settings;
static instance *instances;

/* Buffers that the provider has, so that others are told apart. */
#define BUFFERS 256
static struct { void *memory; size_t size; } buffers[BUFFERS];

instance *instance_of(const wch *root) {
    for (instance *i = instances; i; i = i->next)
        if (!PrjFileNameCompare(i->root, root))
            return i;
    return NULL;
}

void violate(instance *i, const char *text) {
    if (i->violations++ == 0)
        strncpy(i->violation, text, sizeof i->violation - 1);
}

static entry *find_in(entry **table, const wch *path, int make) {
    entry **e = &table[whash(path)];
    for (; *e; e = &(*e)->next)
        if (!PrjFileNameCompare((*e)->path, path))
            return *e;
    if (!make)
        return NULL;
    *e = calloc(1, sizeof **e);
    (*e)->path = wcopy(path);
    return *e;
}

entry *find_entry(instance *i, const wch *path) { return find_in(i->entries, path, 0); }
entry *find_negative(instance *i, const wch *path, int make) { return find_in(i->negative, path, make); }
int is_present(const entry *e) { return e && e->state && !(e->state & TOMBSTONE); }

/* A new thing at a path, with this spelling. */
entry *make_entry(instance *i, const wch *path) {
    entry *e = find_in(i->entries, path, 1);
    wch *spelled = wcopy(path);
    memset(&e->path + 1, 0, sizeof *e - offsetof(entry, path) - sizeof e->path);
    e->path = spelled; /* the old text may be in use */
    return e;
}

/* ---- calls of the provider ---- */

void call_begin(instance *i, callback *c, const wch *path, const prj_version *version, uint32_t flags) {
    lock();
    uint32_t most = i->options.concurrent ? i->options.concurrent : 64;
    for (;;) {
        c->command = NULL;
        for (int slot = 0; slot < COMMANDS && !c->command; slot++) /* the lowest free number: given again at once */
            if (i->commands[slot].state == COMMAND_FREE)
                c->command = &i->commands[slot];
        if (c->command && (uint32_t)i->running < most)
            break;
        wait_changed();
    }
    memset(c->command, 0, sizeof *c->command);
    c->command->state = COMMAND_CALLED;
    i->running++;
    if ((uint32_t)i->running > i->counts[COUNT_MOST_RUNNING])
        i->counts[COUNT_MOST_RUNNING] = (uint32_t)i->running;
    unlock();
    static const wch image[] = {'t', 'o', 'o', 'l', 0};
    c->path = wcopy(path);
    memset(&c->data, 0, sizeof c->data);
    c->data.size = sizeof c->data;
    c->data.flags = flags;
    c->data.context = i;
    c->data.command = (int32_t)(c->command - i->commands) + 1;
    c->data.path = c->path;
    c->data.process = 4711;
    c->data.image = image;
    c->data.instance = i->provider;
    if (version) {
        c->version = *version;
        c->data.version = &c->version;
    }
}

hr call_end(instance *i, callback *c, hr result) {
    /* What a call pointed at is gone after it. */
    memset(c->path, 0xdd, wlen(c->path) * sizeof(wch));
    free(c->path);
    memset(&c->data, 0xdd, sizeof c->data);
    memset(&c->version, 0xdd, sizeof c->version);
    lock();
    i->running--;
    command *m = c->command;
    if (result == HR_PENDING) {
        i->counts[COUNT_PENDING]++;
        if (m->state == COMMAND_CALLED)
            m->state = COMMAND_PENDING;
        broadcast_changed();
        uint32_t pending = 0;
        for (int slot = 0; slot < COMMANDS; slot++)
            pending += i->commands[slot].state == COMMAND_PENDING;
        if (pending > i->counts[COUNT_MOST_PENDING])
            i->counts[COUNT_MOST_PENDING] = pending;
        while (m->state == COMMAND_PENDING)
            wait_changed();
        result = m->state == COMMAND_CANCELLED ? HR_ABORTED : m->result;
    } else if (m->state == COMMAND_DONE)
        violate(i, "a command was completed and answered");
    if (!result && m->file && m->got != m->length) {
        violate(i, "S_OK for content that was not written whole");
        result = HR_SHORT_DATA;
    }
    m->state = COMMAND_FREE;
    broadcast_changed();
    unlock();
    return result;
}

/* ---- the library ---- */

API hr PrjMarkDirectoryAsPlaceholder(const wch *root, const wch *target, const prj_version *version, const prj_guid *id) {
    static const wch empty[] = {0};
    (void)target;
    (void)version;
    if (!id || disk_size(root, empty) < 0)
        return HR_PATH_NOT_FOUND;
    lock();
    hr result = 0;
    for (instance *i = instances; i; i = i->next) { /* no root in a root */
        size_t a = wlen(i->root), b = wlen(root), n = a < b ? a : b;
        int same = !i->stopped && (a == b || (a < b ? root[n] : i->root[n]) == '/' || (a < b ? root[n] : i->root[n]) == '\\');
        for (size_t k = 0; same && k < n; k++)
            same = wupper(root[k]) == wupper(i->root[k]);
        if (same)
            result = WIN32_HR(4390); /* ERROR_NOT_A_REPARSE_POINT */
    }
    if (!result) {
        instance *i = calloc(1, sizeof *i);
        i->root = wcopy(root);
        i->next = instances;
        instances = i;
    }
    unlock();
    return result;
}

API hr PrjStartVirtualizing(const wch *root, const prj_callbacks *calls, void *provider, const prj_options *options, void **context) {
    lock();
    instance *i = instance_of(root);
    hr result = !i || i->started ? HR_INVALID : 0;
    if (!result) {
        i->calls = *calls;
        i->options = *options;
        i->provider = provider;
        i->started = 1;
        for (uint32_t k = 0; k < options->mappings_count; k++)
            if (!*options->mappings[k].root)
                i->mask |= options->mappings[k].mask;
        *context = i;
    }
    unlock();
    return result;
}

/* Waits for calls that run, not for commands that are pending. */
API void PrjStopVirtualizing(instance *i) {
    lock();
    if (i->stopped)
        violate(i, "stopped twice");
    i->stopped = 1;
    while (i->running)
        wait_changed();
    for (int slot = 0; slot < COMMANDS; slot++)
        if (i->commands[slot].state == COMMAND_PENDING) {
            violate(i, "stopped while a command was pending");
            i->commands[slot].state = COMMAND_CANCELLED;
        }
    if (i->options.mappings_count && i->mask && i->options.mappings->mask != i->mask)
        violate(i, "the notification mapping was changed or freed");
    broadcast_changed();
    unlock();
}

API hr PrjCompleteCommand(instance *i, int32_t id, hr result, void *extended) {
    (void)extended;
    lock();
    hr answer = HR_INVALID;
    if (i->stopped)
        violate(i, "completed after the stop");
    else if (id < 1 || id > COMMANDS)
        violate(i, "no such command");
    else if (result == HR_PENDING)
        violate(i, "completed with pending");
    else {
        command *m = &i->commands[id - 1];
        if (m->state == COMMAND_CALLED || m->state == COMMAND_PENDING) {
            m->state = COMMAND_DONE;
            m->result = result;
            answer = 0;
            broadcast_changed();
        } else if (m->state == COMMAND_DONE)
            violate(i, "completed twice");
        else
            i->counts[COUNT_LATE]++; /* cancelled, or nobody's: allowed, and without effect */
    }
    unlock();
    return answer;
}

API hr PrjWritePlaceholderInfo2(instance *i, const wch *path, const prj_placeholder *info, uint32_t size, const prj_extended *extended) {
    if (size < sizeof *info)
        return HR_TOO_SMALL;
    lock();
    hr result = 0;
    int is_wanted = 0;
    for (int slot = 0; slot < COMMANDS; slot++) {
        command *m = &i->commands[slot];
        is_wanted |= (m->state == COMMAND_CALLED || m->state == COMMAND_PENDING) && m->wanted && !PrjFileNameCompare(m->wanted, path);
    }
    wch *parent_path = wparent(path);
    entry *parent = find_entry(i, parent_path);
    free(parent_path);
    if (i->stopped) {
        violate(i, "a placeholder after the stop");
        result = HR_INVALID;
    } else if (!is_wanted) { /* under another name, or cancelled meanwhile */
        i->counts[COUNT_LATE]++;
        result = HR_INVALID;
    } else if (wname(path) != path && (!is_present(parent) || !parent->basic.is_directory))
        result = HR_PATH_NOT_FOUND;
    else if (!is_present(find_entry(i, path))) {
        wch *spelled = wname(path) == path ? wcopy(path) : wjoin(parent->path, wname(path));
        entry *e = make_entry(i, spelled);
        e->basic = info->basic;
        e->version = info->version;
        int failed;
        if (extended && extended->type == 1) {
            e->link = wcopy(extended->target);
            failed = disk_link(i->root, spelled, extended->target);
        } else
            failed = info->basic.is_directory ? disk_directory(i->root, spelled) : disk_file(i->root, spelled, info->basic.size, info->basic.written);
        e->state = failed ? 0 : PLACEHOLDER | (!info->basic.is_directory && !info->basic.size ? HYDRATED : 0);
        if (!info->basic.is_directory && !(info->basic.attributes & 0x20))
            violate(i, "a file without attributes");
        result = failed ? WIN32_HR(29) : 0; /* ERROR_WRITE_FAULT */
        free(spelled);
        broadcast_changed();
    }
    unlock();
    return result;
}

API hr PrjWritePlaceholderInfo(instance *i, const wch *path, const prj_placeholder *info, uint32_t size) {
    return PrjWritePlaceholderInfo2(i, path, info, size, NULL);
}

API void *PrjAllocateAlignedBuffer(instance *i, size_t size) {
    void *memory = aligned_get(size);
    lock();
    if (i->stopped)
        violate(i, "a buffer after the stop");
    int slot = 0;
    while (slot < BUFFERS && buffers[slot].memory)
        slot++;
    if (slot < BUFFERS) {
        buffers[slot].memory = memory;
        buffers[slot].size = size;
    }
    unlock();
    return slot < BUFFERS ? memory : NULL;
}

API void PrjFreeAlignedBuffer(void *memory) {
    lock();
    for (int slot = 0; slot < BUFFERS; slot++)
        if (buffers[slot].memory == memory)
            buffers[slot].memory = NULL;
    unlock();
    aligned_free(memory);
}

/* Content may come in any pieces, but each is aligned, within what was asked for, and behind the last. */
API hr PrjWriteFileData(instance *i, const prj_guid *stream, void *data, uint64_t offset, uint32_t length) {
    lock();
    hr result = (hr)settings.fail_writes;
    entry *e;
    memcpy(&e, stream, sizeof e);
    int is_buffer = 0;
    for (int slot = 0; slot < BUFFERS; slot++)
        is_buffer |= buffers[slot].memory == data && buffers[slot].size >= length;
    command *m = e ? e->filling : NULL;
    if (i->stopped) {
        violate(i, "content after the stop");
        result = HR_INVALID;
    } else if (!e || !m || (m->state != COMMAND_CALLED && m->state != COMMAND_PENDING)) { /* cancelled meanwhile */
        i->counts[COUNT_LATE]++;
        result = HR_INVALID;
    } else if (!is_buffer) {
        violate(i, "content from a buffer of its own");
        result = HR_INVALID;
    } else if (offset != m->offset + m->got || offset + length > m->offset + m->length) {
        violate(i, "content outside of the range, or out of order");
        result = HR_INVALID;
    } else if (offset % 4096 || (length % 4096 && offset + length != m->offset + m->length)) {
        violate(i, "content that is not aligned");
        result = HR_INVALID;
    }
    if (!result && disk_write(i->root, e->path, offset, data, length))
        result = WIN32_HR(29);
    if (!result) {
        m->got += length;
        i->counts[COUNT_WRITES]++;
    }
    unlock();
    return result;
}

API hr PrjGetOnDiskFileState(const wch *path, uint32_t *state) {
    lock();
    hr result = HR_NOT_FOUND;
    for (instance *i = instances; i; i = i->next) {
        size_t n = wlen(i->root);
        if (wlen(path) <= n + 1 || memcmp(path, i->root, n * sizeof(wch)))
            continue;
        wch *relative = wcopy(path + n + 1);
        for (wch *c = relative; *c; c++)
            if (*c == '/')
                *c = '\\';
        entry *e = find_entry(i, relative);
        if (e && e->state) {
            *state = e->state;
            result = 0;
        } else if (disk_size(i->root, relative) >= 0) {
            *state = FULL;
            result = 0;
        }
        free(relative);
        break;
    }
    unlock();
    return result;
}

API hr PrjFillDirEntryBuffer2(dirbuf *b, const wch *name, const prj_basic *basic, const prj_extended *extended) {
    if (!b->valid)
        return HR_INVALID;
    if (b->count >= b->capacity)
        return HR_TOO_SMALL;
    b->names[b->count] = wcopy(name);
    b->basics[b->count] = *basic;
    b->links[b->count++] = extended && extended->type == 1 ? wcopy(extended->target) : NULL;
    return 0;
}

API hr PrjFillDirEntryBuffer(const wch *name, const prj_basic *basic, dirbuf *b) { return PrjFillDirEntryBuffer2(b, name, basic, NULL); }

/* ---- for the tests ---- */

API void DoubleSettings(const struct settings *wanted) {
    lock();
    settings = *wanted;
    unlock();
}

API hr DoubleCounts(const wch *root, uint32_t *counts, char *violation) {
    lock();
    instance *i = instance_of(root);
    if (i) {
        memcpy(counts, i->counts, sizeof i->counts);
        memcpy(violation, i->violation, sizeof i->violation);
    }
    hr result = i ? (hr)i->violations : HR_NOT_FOUND;
    unlock();
    return result;
}

/* Cancels all that is pending, as when a process is killed: its threads go on at once. Returns how many. */
API hr DoubleCancel(const wch *root) {
    int32_t ids[COMMANDS], count = 0;
    lock();
    instance *i = instance_of(root);
    for (int slot = 0; i && slot < COMMANDS; slot++)
        if (i->commands[slot].state == COMMAND_PENDING)
            ids[count++] = slot + 1;
    if (i)
        i->running++;
    unlock();
    for (int32_t k = 0; k < count; k++) {
        prj_data data = {.size = sizeof data, .context = i, .command = ids[k], .instance = i->provider};
        i->calls.cancel(&data);
        lock();
        i->counts[COUNT_CANCELS]++;
        if (i->commands[ids[k] - 1].state == COMMAND_PENDING)
            i->commands[ids[k] - 1].state = COMMAND_CANCELLED;
        broadcast_changed();
        unlock();
    }
    lock();
    if (i)
        i->running--;
    broadcast_changed();
    unlock();
    return count;
}
