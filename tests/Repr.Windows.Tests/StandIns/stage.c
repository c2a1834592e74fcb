/*
 * Linked into the projection's double: takes what hooks tell from the tool's processes, and plays the part of the filter below NTFS: it
 * asks the provider for what is opened, and keeps the state of what was changed. TEST CODE; see standin.h.
 */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include "../../Repr.Workspaces.Tests/ProjFs/Double/double.h"
#include "stage.h"

#define SERVERS 16

hr ToolStat(const wch *root, const wch *path, prj_basic *basic, wch *spelled, uint32_t capacity);
hr ToolRead(const wch *root, const wch *path, uint64_t offset, void *data, uint32_t length, int64_t *count);
hr ToolList(const wch *root, const wch *directory, const wch *pattern, int restart, wch *out, uint32_t capacity);
void DoubleSettings(const struct settings *wanted);

/* Splits a path of the machine: the root of a projection, which is cut off, and what follows. */
static instance *split(wch *path, const wch **relative)
{
    for (wch *c = path;; c++) {
        if (*c && *c != '\\')
            continue;
        wch kept = *c;
        *c = 0;
        lock();
        instance *i = instance_of(path);
        unlock();
        if (i) {
            *relative = kept ? c + 1 : c;
            return i;
        }
        if (!kept)
            return NULL;
        *c = kept;
    }
}

static hr look(instance *i, const wch *path)
{
    prj_basic basic;
    wch spelled[1];
    return *path ? ToolStat(i->root, path, &basic, spelled, 0) : 0;
}

static hr tell(instance *i, const wch *path, int is_directory, uint32_t what, const wch *destination)
{
    if (!(i->mask & what))
        return 0;
    callback c;
    uint32_t parameters = 0;
    call_begin(i, &c, path, NULL, 0);
    i->counts[COUNT_NOTIFICATIONS]++;
    return call_end(i, &c, i->calls.notify(&c.data, (uint8_t)is_directory, what, destination, &parameters));
}

/* Sets the state of what is on the disk or was; nothing is kept of what the double never saw, since it is the tool's own in any case. */
static int set_state(instance *i, const wch *path, uint32_t state)
{
    lock();
    entry *e = find_entry(i, path);
    int is_directory = e && e->basic.is_directory;
    if (e)
        e->state = state;
    unlock();
    return is_directory;
}

static hr list(instance *i, const wch *path)
{
    static const wch everything[] = {'*', 0};
    const uint32_t enough = 1 << 20;
    wch *names = malloc(enough * sizeof(wch));
    hr result = ToolList(i->root, path, everything, 0, names, enough);
    for (wch *name = names; !result && *name; name += wlen(name) + 1) {
        wch *entry = wjoin(path, name);
        look(i, entry);
        free(entry);
    }
    free(names);
    return result;
}

static hr take(struct stage_message *m)
{
    const wch *path, *to = NULL;
    int64_t count;
    m->text[m->path_length + m->to_length + 1] = 0;
    wch *second = (wch *)m->text + m->path_length + 1;
    instance *i = split((wch *)m->text, &path);
    if (!i)
        return 0; /* no projection: a staging directory's parent */
    if (!i->started || i->stopped)
        return HR_UNAVAILABLE;
    hr result = look(i, path);
    switch (m->event) {
    case STAGE_READ:
        return result ? result : ToolRead(i->root, path, 0, NULL, 0, &count);
    case STAGE_WRITE:
        if (!result)
            result = ToolRead(i->root, path, 0, NULL, 0, &count);
        set_state(i, path, FULL);
        if (result == 0)
            tell(i, path, 0, NOTIFY_MODIFIED, NULL);
        return result;
    case STAGE_REPLACE:
    case STAGE_MADE:
        set_state(i, path, FULL);
        tell(i, path, 0, m->event == STAGE_MADE ? NOTIFY_NEW : NOTIFY_OVERWRITTEN, NULL);
        return result;
    case STAGE_LIST:
        return result ? result : list(i, path);
    case STAGE_DELETE:
        return tell(i, path, set_state(i, path, TOMBSTONE), NOTIFY_DELETED, NULL);
    case STAGE_RENAME:
        if (split(second, &to) != i)
            return HR_NOT_SUPPORTED;
        set_state(i, to, FULL);
        return tell(i, path, set_state(i, path, TOMBSTONE), NOTIFY_RENAMED, to);
    default:
        return result;
    }
}

static DWORD WINAPI serve(LPVOID unused)
{
    (void)unused;
    struct stage_message *m = malloc(sizeof *m + 16);
    for (;;) {
        HANDLE pipe = CreateNamedPipeW(STAGE_PIPE, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT, PIPE_UNLIMITED_INSTANCES,
            65536, sizeof *m, 0, NULL);
        DWORD bytes;
        if (pipe == INVALID_HANDLE_VALUE) {
            Sleep(50);
            continue;
        }
        if (ConnectNamedPipe(pipe, NULL) || GetLastError() == ERROR_PIPE_CONNECTED)
            while (ReadFile(pipe, m, sizeof *m, &bytes, NULL) && bytes >= STAGE_HEADER) {
                hr result = take(m);
                if (!WriteFile(pipe, &result, sizeof result, &bytes, NULL))
                    break;
            }
        DisconnectNamedPipe(pipe);
        CloseHandle(pipe);
    }
    return 0;
}

BOOL WINAPI StageMain(HINSTANCE instance, DWORD why, LPVOID reserved)
{
    (void)instance, (void)reserved;
    if (why == DLL_PROCESS_ATTACH) {
        /* A tool reads the directory itself: tombstones would be files to it. */
        struct settings wanted = {.buffer_entries = 64, .hide_tombstones = 1};
        DoubleSettings(&wanted);
        for (int n = 0; n < SERVERS; n++)
            CloseHandle(CreateThread(NULL, 0, serve, NULL, 0, NULL));
    }
    return TRUE;
}
