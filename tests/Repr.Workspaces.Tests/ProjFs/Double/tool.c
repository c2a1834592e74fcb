/*
 * What a tool does below the root, as the filter sees it: each function is a system call of a process that is not the provider's, on the
 * caller's thread. Paths are relative, with '\', in any case.
 */
#include "double.h"

static hr notify(instance *i, const wch *path, int is_directory, uint32_t what, const wch *destination) {
    if (!(i->mask & what))
        return 0;
    callback c;
    uint32_t parameters = 0;
    call_begin(i, &c, path, NULL, 0);
    i->counts[COUNT_NOTIFICATIONS]++;
    return call_end(i, &c, i->calls.notify(&c.data, (uint8_t)is_directory, what, destination, &parameters));
}

static hr begin(const wch *root, instance **i) {
    lock();
    *i = instance_of(root);
    int is_running = *i && (*i)->started && !(*i)->stopped;
    unlock();
    return is_running ? 0 : HR_UNAVAILABLE;
}

/* Asks the provider for one name, unless it is known to be absent. */
static hr project(instance *i, const wch *path) {
    lock();
    int is_negative = (i->options.flags & 1) && find_negative(i, path, 0);
    unlock();
    if (is_negative) {
        i->counts[COUNT_NEGATIVE]++;
        return HR_NOT_FOUND;
    }
    callback c;
    call_begin(i, &c, path, NULL, 0);
    wch *wanted = wcopy(path);
    lock();
    c.command->wanted = wanted;
    i->counts[COUNT_PLACEHOLDERS]++;
    unlock();
    hr result = call_end(i, &c, i->calls.placeholder(&c.data));
    free(wanted);
    lock();
    if (result == HR_NOT_FOUND)
        find_negative(i, path, 1);
    else if (!result && !find_entry(i, path)) {
        violate(i, "S_OK without a placeholder");
        result = HR_CORRUPT;
    }
    unlock();
    return result;
}

/* Puts each component on the disk, as a lookup does. */
static hr look_up(instance *i, const wch *path, entry **found) {
    wch *part = wcopy(path);
    entry *parent = NULL;
    hr result = 0;
    *found = NULL;
    for (size_t n = 0;; n++) {
        if (path[n] && path[n] != '\\')
            continue;
        part[n] = 0;
        lock();
        entry *e = find_entry(i, part);
        int present = is_present(e), gone = e && (e->state & TOMBSTONE), closed = parent && (parent->state & FULL);
        unlock();
        if (!present) {
            result = gone || closed ? HR_NOT_FOUND : project(i, part);
            lock();
            e = find_entry(i, part);
            if (!result && !is_present(e))
                result = HR_NOT_FOUND; /* deleted meanwhile */
            unlock();
        }
        if (result || !path[n]) {
            *found = result ? NULL : e;
            break;
        }
        if (!e->basic.is_directory) {
            result = HR_PATH_NOT_FOUND;
            break;
        }
        parent = e;
        part[n] = '\\';
    }
    if (result == HR_NOT_FOUND && wlen(part) < wlen(path))
        result = HR_PATH_NOT_FOUND;
    free(part);
    return result;
}

/* The content, in pieces; one thread for each file, the others wait. */
static hr hydrate(instance *i, entry *e) {
    lock();
    while (e->busy)
        wait_changed();
    if (e->state & (HYDRATED | FULL)) {
        unlock();
        return 0;
    }
    e->busy = 1;
    uint64_t size = (uint64_t)e->basic.size, chunk = settings.data_chunk ? settings.data_chunk : 0x7ffff000;
    unlock();
    hr result = 0;
    for (uint64_t offset = 0; !result && offset < size; offset += chunk) {
        callback c;
        call_begin(i, &c, e->path, &e->version, 0); /* where it is now, not where it was first */
        lock();
        c.command->file = e;
        c.command->offset = offset;
        c.command->length = size - offset < chunk ? size - offset : chunk;
        e->filling = c.command;
        memset(&c.data.stream, 0, sizeof c.data.stream);
        memcpy(&c.data.stream, &e, sizeof e);
        i->counts[COUNT_DATA]++;
        uint32_t length = (uint32_t)c.command->length;
        unlock();
        result = call_end(i, &c, i->calls.data(&c.data, offset, length));
        lock();
        e->filling = NULL;
        unlock();
    }
    lock();
    e->busy = 0;
    if (!result) {
        e->state |= HYDRATED;
        disk_time(i->root, e->path, e->basic.written);
    }
    broadcast_changed();
    unlock();
    return result;
}

/* A link's target is looked up in its directory. */
static hr resolve(instance *i, const wch *path, entry **found) {
    hr result = look_up(i, path, found);
    if (result || !(*found)->link)
        return result;
    wch *parent = wparent((*found)->path), *target = wjoin(parent, (*found)->link);
    result = look_up(i, target, found);
    free(parent);
    free(target);
    return result;
}

API hr ToolStat(const wch *root, const wch *path, prj_basic *basic, wch *spelled, uint32_t capacity) {
    instance *i;
    entry *e;
    hr result = begin(root, &i);
    if (result || (result = look_up(i, path, &e)))
        return result;
    *basic = e->basic;
    if (wlen(e->path) < capacity)
        memcpy(spelled, e->path, (wlen(e->path) + 1) * sizeof(wch));
    return 0;
}

API hr ToolQuery(const wch *root, const wch *path) {
    instance *i;
    hr result = begin(root, &i);
    if (result)
        return result;
    callback c;
    call_begin(i, &c, path, NULL, 0);
    i->counts[COUNT_QUERIES]++;
    return call_end(i, &c, i->calls.query(&c.data));
}

API hr ToolRead(const wch *root, const wch *path, uint64_t offset, void *data, uint32_t length, int64_t *count) {
    instance *i;
    entry *e;
    hr result = begin(root, &i);
    if (result || (result = resolve(i, path, &e)))
        return result;
    if (e->basic.is_directory)
        return HR_DENIED;
    if (!(result = hydrate(i, e)) && (*count = disk_read(i->root, e->path, offset, data, length)) < 0)
        result = HR_CORRUPT;
    return result;
}

/* The entry for a name that is made: in a directory that is there. */
static hr create(instance *i, const wch *path, int is_directory, entry **made) {
    for (const wch *c = wname(path); *c; c++)
        if (*c == ':' || *c == '*' || *c == '?')
            return HR_BAD_NAME;
    wch *parent_path = wparent(path);
    entry *parent = NULL;
    hr result = *parent_path ? look_up(i, parent_path, &parent) : 0;
    free(parent_path);
    if (result)
        return HR_PATH_NOT_FOUND;
    lock();
    wch *spelled = parent ? wjoin(parent->path, wname(path)) : wcopy(path);
    entry *old = find_entry(i, path);
    if (old && (old->state & TOMBSTONE))
        disk_remove(i->root, old->path, 0); /* fails when it is hidden */
    entry *e = make_entry(i, spelled);
    e->basic.is_directory = (uint8_t)is_directory;
    e->state = (is_directory ? disk_directory(i->root, spelled) : disk_file(i->root, spelled, 0, 0)) ? 0 : FULL;
    free(spelled);
    unlock();
    *made = e;
    return e->state ? notify(i, e->path, is_directory, NOTIFY_NEW, NULL) : HR_DENIED;
}

/* Writes data over a file (append: 0), or behind it; makes it if it is not there. */
API hr ToolWrite(const wch *root, const wch *path, const void *data, uint32_t length, int append) {
    instance *i;
    entry *e;
    hr result = begin(root, &i);
    if (result)
        return result;
    result = look_up(i, path, &e);
    if (result == HR_NOT_FOUND)
        result = create(i, path, 0, &e);
    else if (!result) {
        if (e->basic.is_directory || (e->basic.attributes & 1))
            return HR_DENIED;
        if (append && (result = hydrate(i, e)))
            return result;
        if (!(e->state & FULL) && append && (result = notify(i, e->path, 0, NOTIFY_PRE_FULL, NULL)))
            return result;
        lock();
        e->state = FULL;
        if (!append)
            disk_file(i->root, e->path, 0, 0);
        unlock();
        if (!append)
            result = notify(i, e->path, 0, NOTIFY_OVERWRITTEN, NULL);
    }
    if (result)
        return result;
    lock();
    int64_t size = disk_size(i->root, e->path);
    result = disk_write(i->root, e->path, (uint64_t)size, data, length) ? HR_DENIED : 0;
    e->basic.size = size + length;
    unlock();
    return result ? result : notify(i, e->path, 0, NOTIFY_MODIFIED, NULL);
}

API hr ToolMakeDirectory(const wch *root, const wch *path) {
    instance *i;
    entry *e;
    hr result = begin(root, &i);
    if (result)
        return result;
    result = look_up(i, path, &e);
    return !result ? HR_EXISTS : result == HR_NOT_FOUND ? create(i, path, 1, &e) : result;
}

API hr ToolTouch(const wch *root, const wch *path, int64_t time) {
    instance *i;
    entry *e;
    hr result = begin(root, &i);
    if (result || (result = look_up(i, path, &e)))
        return result;
    lock();
    e->basic.written = time;
    e->state |= e->state & FULL ? 0 : DIRTY;
    disk_time(i->root, e->path, time);
    unlock();
    return 0;
}

/* ---- listing ---- */

typedef struct { wch **names; uint32_t count, capacity; } names;

static void add_name(names *n, const wch *name) {
    if (n->count == n->capacity)
        n->names = realloc(n->names, (n->capacity = n->capacity * 2 + 64) * sizeof *n->names);
    n->names[n->count++] = wcopy(name);
}

/* What the provider says of a directory, checked: order within and across buffers. */
static hr ask_names(instance *i, const wch *directory, const wch *pattern, int restart, names *n) {
    static uint32_t next;
    prj_guid id = {0};
    callback c;
    lock();
    id.a = ++next;
    uint32_t capacity = settings.buffer_entries ? settings.buffer_entries : 64;
    unlock();
    call_begin(i, &c, directory, NULL, 0);
    i->counts[COUNT_STARTS]++;
    hr result = call_end(i, &c, i->calls.start(&c.data, &id));
    if (result)
        return result;
    /* 'restart': read once with another pattern, then from the beginning with the real one, at the file system's choice in mid-listing. */
    static const wch other[] = {'z', '*', 0};
    static const wch ignored[] = {'n', 'o', 'n', 'e', 0};
    for (int round = restart ? 0 : 1, first = 1; round < 2; round++, first = 1) {
        for (;; first = 0) {
            dirbuf b = {.capacity = capacity, .valid = 1};
            b.names = calloc(capacity, sizeof *b.names);
            b.basics = calloc(capacity, sizeof *b.basics);
            b.links = calloc(capacity, sizeof *b.links);
            uint32_t flags = (first && round == 1 && restart ? 1u : 0) | (settings.single_entries ? 2u : 0);
            wch *expression = wcopy(!first ? ignored : round == 0 ? other : pattern); /* only the first call's counts */
            call_begin(i, &c, directory, NULL, flags);
            i->counts[COUNT_GETS]++;
            result = call_end(i, &c, i->calls.get(&c.data, &id, expression, &b));
            memset(expression, 0xdd, wlen(expression) * sizeof(wch));
            free(expression);
            b.valid = 0;
            lock();
            if (settings.single_entries && b.count > 1)
                violate(i, "more than the one entry that was asked for");
            for (uint32_t k = 0; k < b.count; k++) {
                if (round == 1) {
                    if (n->count && PrjFileNameCompare(n->names[n->count - 1], b.names[k]) >= 0)
                        violate(i, "a listing out of order");
                    add_name(n, b.names[k]);
                }
                free(b.names[k]);
                free(b.links[k]);
            }
            unlock();
            free(b.names);
            free(b.basics);
            free(b.links);
            if (result || !b.count)
                break;
            if (round == 0)
                break; /* restart in the middle */
        }
        if (result)
            break;
    }
    if (!settings.lose_ends) {
        call_begin(i, &c, directory, NULL, 0);
        i->counts[COUNT_ENDS]++;
        hr ended = call_end(i, &c, i->calls.end(&c.data, &id));
        result = result ? result : ended;
    }
    return result;
}

/* Names of a directory that match, each ended by a zero, all by another; the disk's and the provider's merged, deleted ones left out. */
API hr ToolList(const wch *root, const wch *directory, const wch *pattern, int restart, wch *out, uint32_t capacity) {
    instance *i;
    entry *e = NULL;
    hr result = begin(root, &i);
    if (result || (*directory && (result = look_up(i, directory, &e))))
        return result;
    if (e && !e->basic.is_directory)
        return HR_DIRECTORY;
    names theirs = {0}, all = {0};
    if (!e || !(e->state & FULL))
        result = ask_names(i, e ? e->path : directory, pattern, restart, &theirs);
    lock();
    for (uint32_t k = 0; !result && k < theirs.count; k++) { /* those that are on the disk, or were, come from there */
        wch *path = wjoin(e ? e->path : directory, theirs.names[k]);
        entry *known = find_entry(i, path);
        if (!known || !known->state)
            add_name(&all, theirs.names[k]);
        free(path);
    }
    for (uint32_t bucket = 0; !result && bucket < BUCKETS; bucket++)
        for (entry *known = i->entries[bucket]; known; known = known->next) {
            wch *parent = wparent(known->path);
            if (is_present(known) && !PrjFileNameCompare(parent, e ? e->path : directory) && (!*pattern || PrjFileNameMatch(wname(known->path), pattern)))
                add_name(&all, wname(known->path));
            free(parent);
        }
    unlock();
    uint32_t used = 0;
    for (uint32_t k = 0; k < all.count; k++) {
        uint32_t n = (uint32_t)wlen(all.names[k]) + 1;
        if (used + n + 1 <= capacity)
            memcpy(out + used, all.names[k], n * sizeof(wch));
        else
            result = HR_TOO_SMALL;
        used += n;
    }
    if (!result)
        out[used] = 0;
    for (uint32_t k = 0; k < theirs.count; k++)
        free(theirs.names[k]);
    for (uint32_t k = 0; k < all.count; k++)
        free(all.names[k]);
    free(theirs.names);
    free(all.names);
    return result;
}

/* ---- deletion and renames ---- */

static void bury(instance *i, entry *e) {
    e->state = TOMBSTONE;
    e->basic.is_directory = 0;
    if (!settings.hide_tombstones)
        disk_file(i->root, e->path, 0, 0);
}

API hr ToolDelete(const wch *root, const wch *path) {
    instance *i;
    entry *e;
    hr result = begin(root, &i);
    if (result || (result = look_up(i, path, &e)))
        return result;
    if (e->basic.attributes & 1)
        return HR_DENIED;
    int is_directory = e->basic.is_directory && !e->link;
    if (is_directory) {
        static const wch everything[] = {'*', 0};
        static const uint32_t enough = 1 << 20;
        wch *found = malloc(enough * sizeof(wch));
        result = ToolList(root, path, everything, 0, found, enough);
        int is_empty = !found[0];
        free(found);
        if (result || !is_empty)
            return result ? result : HR_NOT_EMPTY;
    }
    if ((result = notify(i, e->path, is_directory, NOTIFY_PRE_DELETE, NULL)))
        return result;
    lock();
    for (uint32_t bucket = 0; is_directory && bucket < BUCKETS; bucket++)
        for (entry *known = i->entries[bucket]; known; known = known->next) {
            size_t n = wlen(e->path);
            if (known->state && wlen(known->path) > n && known->path[n] == '\\' && !memcmp(known->path, e->path, n * sizeof(wch))) {
                disk_remove(i->root, known->path, 0); /* a tombstone goes with its directory */
                known->state = 0;
            }
        }
    result = disk_remove(i->root, e->path, is_directory) ? HR_DENIED : 0;
    if (!result)
        bury(i, e);
    unlock();
    return result ? result : notify(i, path, is_directory, NOTIFY_DELETED, NULL);
}

API hr ToolRename(const wch *root, const wch *from, const wch *to) {
    instance *i;
    entry *e, *old;
    hr result = begin(root, &i);
    if (result || (result = look_up(i, from, &e)))
        return result;
    int is_directory = e->basic.is_directory;
    if (is_directory && !(e->state & FULL))
        return HR_NOT_SUPPORTED; /* a directory that is projected can't be renamed */
    static const wch outside[] = {0};
    const wch *destination = to ? to : outside;
    if ((result = notify(i, e->path, is_directory, NOTIFY_PRE_RENAME, destination)))
        return result;
    if (!to)
        return HR_NOT_SUPPORTED;
    result = look_up(i, to, &old);
    if (!result && (old->basic.attributes & 1))
        return HR_DENIED;
    wch *parent_path = wparent(to);
    entry *parent = NULL;
    if (*parent_path && look_up(i, parent_path, &parent))
        result = HR_PATH_NOT_FOUND;
    free(parent_path);
    if (result && result != HR_NOT_FOUND)
        return result;
    lock();
    wch *spelled = parent ? wjoin(parent->path, wname(to)) : wcopy(to);
    entry *tombstone = find_entry(i, to);
    if (tombstone && (tombstone->state & TOMBSTONE))
        disk_remove(i->root, tombstone->path, 0);
    entry copy = *e;
    if (disk_move(i->root, e->path, spelled)) {
        free(spelled);
        unlock();
        return HR_DENIED;
    }
    entry *moved = make_entry(i, spelled);
    moved->state = copy.state; /* a placeholder stays one, with the provider's mark */
    moved->basic = copy.basic;
    moved->version = copy.version;
    moved->link = copy.link;
    if (moved != e)
        bury(i, e);
    for (uint32_t bucket = 0; is_directory && bucket < BUCKETS; bucket++)
        for (entry *known = i->entries[bucket]; known; known = known->next) {
            size_t n = wlen(copy.path);
            if (known->state && wlen(known->path) > n && known->path[n] == '\\' && !memcmp(known->path, copy.path, n * sizeof(wch))) {
                wch *inner = wjoin(spelled, known->path + n + 1);
                entry *child = make_entry(i, inner);
                child->state = known->state;
                child->basic = known->basic;
                child->version = known->version;
                known->state = 0;
                free(inner);
            }
        }
    unlock();
    result = notify(i, from, is_directory, NOTIFY_RENAMED, to);
    free(spelled);
    return result;
}

/* to: NULL is somewhere outside of the root. */
API hr ToolLink(const wch *root, const wch *from, const wch *to) {
    instance *i;
    entry *e, *old;
    hr result = begin(root, &i);
    if (result || (result = look_up(i, from, &e)))
        return result;
    static const wch outside[] = {0};
    if ((result = notify(i, e->path, 0, NOTIFY_PRE_LINK, to ? to : outside)))
        return result;
    if (!to)
        return 0;
    if (!look_up(i, to, &old))
        return HR_EXISTS;
    if ((result = hydrate(i, e)))
        return result;
    lock();
    wch *parent_path = wparent(to);
    entry *parent = find_entry(i, parent_path);
    wch *spelled = parent ? wjoin(parent->path, wname(to)) : wcopy(to);
    result = disk_hard_link(i->root, e->path, spelled) ? HR_DENIED : 0;
    if (!result) {
        entry *linked = make_entry(i, spelled);
        linked->basic = e->basic;
        linked->state = e->state;
        linked->version = e->version;
    }
    free(parent_path);
    unlock();
    result = result ? result : notify(i, from, 0, NOTIFY_LINKED, spelled);
    free(spelled);
    return result;
}
