/*
 * reprhook.dll: a TEST STAND-IN for reprflt.sys in a tool's process, by the driver's own core. See standin.h. It replaces the file calls of
 * ntdll, whose stubs are independent of their place.
 */
#include "hook.h"

#define STATUS_DENIED ((NTSTATUS)0xC0000022)
#define STATUS_BAD_NAME ((NTSTATUS)0xC0000033)
#define STATUS_LONG_NAME ((NTSTATUS)0xC0000106)
#define STATUS_NO_PROVIDER ((NTSTATUS)0xC000CE01)
#define STUB 32
#define READING (FILE_READ_DATA | FILE_EXECUTE | GENERIC_READ | GENERIC_EXECUTE)
#define CHANGING (FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES | FILE_DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL)
#define WRITING (FILE_WRITE_DATA | FILE_APPEND_DATA | GENERIC_WRITE | GENERIC_ALL)

typedef NTSTATUS(NTAPI *create_call)(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, PLARGE_INTEGER, ULONG, ULONG, ULONG, ULONG, PVOID, ULONG);
typedef NTSTATUS(NTAPI *open_call)(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, ULONG, ULONG);
typedef NTSTATUS(NTAPI *query_call)(POBJECT_ATTRIBUTES, PVOID);
typedef NTSTATUS(NTAPI *set_call)(HANDLE, PIO_STATUS_BLOCK, PVOID, ULONG, ULONG);
typedef NTSTATUS(NTAPI *list_call)(HANDLE, HANDLE, PIO_APC_ROUTINE, PVOID, PIO_STATUS_BLOCK, PVOID, ULONG, ULONG, BOOLEAN, PUNICODE_STRING, BOOLEAN);
typedef NTSTATUS(NTAPI *object_call)(HANDLE, ULONG, PVOID, ULONG, PULONG);

struct world *world;
static create_call real_create;
static open_call real_open;
static query_call real_query, real_query_full;
static set_call real_set;
static list_call real_list;
static object_call query_object;
static volatile LONG64 *counts;
static DWORD busy = TLS_OUT_OF_INDEXES;
static CRITICAL_SECTION asking;
static volatile LONG *ended;

static rc_char upcase(rc_char c) { return (rc_char)(ULONG_PTR)CharUpperW((LPWSTR)(ULONG_PTR)c); }

void trace(const char *format, ...)
{
    static int wanted = -1;
    if (wanted < 0)
        wanted = GetEnvironmentVariableA("REPRHOOK_TRACE", NULL, 0) > 0;
    if (!wanted)
        return;
    char line[1200];
    va_list list;
    va_start(list, format);
    int n = _snprintf(line, 32, "[%lu] ", GetCurrentProcessId());
    n += _vsnprintf(line + n, sizeof line - 40, format, list);
    va_end(list);
    line[n++] = '\n';
    DWORD written;
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), line, (DWORD)n, &written, NULL);
}

void count(enum count what) { InterlockedIncrement64(&counts[what]); }

/* Copies the stub, and lets the function jump to the replacement. */
void *patch(void *function, void *replacement, int length)
{
    BYTE *copy = VirtualAlloc(NULL, 64, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE), *code = function;
    DWORD old;
    memcpy(copy, code, (size_t)length);
    VirtualProtect(code, 16, PAGE_EXECUTE_READWRITE, &old);
    code[0] = 0x48, code[1] = 0xB8; /* mov rax, replacement */
    memcpy(code + 2, &replacement, sizeof replacement);
    code[10] = 0xFF, code[11] = 0xE0; /* jmp rax */
    FlushInstructionCache(GetCurrentProcess(), code, 16);
    return copy;
}

int enter(void)
{
    if (busy == TLS_OUT_OF_INDEXES || TlsGetValue(busy))
        return 0;
    TlsSetValue(busy, (void *)1);
    return 1;
}

void leave(void) { TlsSetValue(busy, NULL); }

/* The object's whole name: \??\C:\x. 0: it has none. */
static ULONG name_of(HANDLE handle, WCHAR *into)
{
    struct {
        UNICODE_STRING name;
        WCHAR text[4096];
    } queried;
    ULONG bytes;
    if (query_object(handle, 1, &queried, sizeof queried, &bytes) < 0)
        return 0;
    ULONG length = queried.name.Length / sizeof(WCHAR);
    memcpy(into, queried.name.Buffer, queried.name.Length);
    return length;
}

static ULONG whole_name(POBJECT_ATTRIBUTES attributes, WCHAR *into)
{
    ULONG length = 0;
    if (!attributes || !attributes->ObjectName)
        return 0;
    ULONG rest = attributes->ObjectName->Length / sizeof(WCHAR);
    if (attributes->RootDirectory) {
        length = name_of(attributes->RootDirectory, into);
        while (length && into[length - 1] == '\\')
            length--;
        if (rest)
            into[length++] = '\\';
    }
    if (length + rest > MAX_NAME - 8)
        return 0;
    memcpy(into + length, attributes->ObjectName->Buffer, rest * sizeof(WCHAR));
    return length + rest;
}

/* \??\C:\x as \Device\HarddiskVolume1\x: what the object manager would make of it. 0: the letter is none. */
static ULONG to_device(const WCHAR *name, ULONG length, WCHAR *into)
{
    WCHAR drive[3] = {name[4], ':', 0};
    if (!QueryDosDeviceW(drive, into, 512))
        return 0;
    ULONG device = (ULONG)wcslen(into);
    memcpy(into + device, name + 6, (length - 6) * sizeof(WCHAR));
    return device + length - 6;
}

/* \Device\HarddiskVolume1\x as \??\C:\x, which Wine knows. */
static ULONG from_device(const WCHAR *path, ULONG length, WCHAR *into)
{
    for (WCHAR letter = 'A'; letter <= 'Z'; letter++) {
        WCHAR drive[3] = {letter, ':', 0}, device[512];
        ULONG n = QueryDosDeviceW(drive, device, 512) ? (ULONG)wcslen(device) : 0;
        if (!n || n > length || _wcsnicmp(device, path, n) || (n < length && path[n] != '\\') || wcschr(device + 8, '\\'))
            continue; /* a device with a path is a link of ours */
        memcpy(into, L"\\??\\", 8);
        into[4] = letter, into[5] = ':';
        memcpy(into + 6, path + n, (length - n) * sizeof(WCHAR));
        return length - n + 6;
    }
    return 0;
}

/* Tells the projection, which lives in the worker, and waits for its answer. */
NTSTATUS stage(enum stage_event event, const WCHAR *path, ULONG length, const WCHAR *to, ULONG to_length)
{
    static struct stage_message m;
    LONG result = (LONG)0x80004005;
    DWORD bytes;
    while (length && path[length - 1] == '\\')
        length--;
    EnterCriticalSection(&asking);
    m.event = event, m.process = GetCurrentProcessId(), m.path_length = length, m.to_length = to_length;
    memcpy(m.text, path, length * sizeof(WCHAR));
    m.text[length] = 0;
    memcpy(m.text + length + 1, to, to_length * sizeof(WCHAR));
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, L"\\??\\pipe\\repr-standin");
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof attributes, .ObjectName = &name, .Attributes = OBJ_CASE_INSENSITIVE};
    IO_STATUS_BLOCK io;
    HANDLE pipe;
    NTSTATUS opened = -1;
    for (int attempt = 0; attempt < 2000 && opened < 0; attempt++)
        if ((opened = real_create(&pipe, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, &attributes, &io, NULL, 0, 0, FILE_OPEN, FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0)) < 0)
            Sleep(5);
    if (opened >= 0) {
        DWORD mode = PIPE_READMODE_MESSAGE;
        SetNamedPipeHandleState(pipe, &mode, NULL, NULL);
        if (!WriteFile(pipe, &m, (DWORD)(STAGE_HEADER + (length + to_length + 1) * sizeof(WCHAR)), &bytes, NULL) || !ReadFile(pipe, &result, sizeof result, &bytes, NULL))
            result = (LONG)0x80070171; /* the worker is gone, and the projection with it */
        CloseHandle(pipe);
    }
    LeaveCriticalSection(&asking);
    trace("stage %d %.*ls -> %08lx", event, (int)length, path, result);
    return result >= 0 ? 0
        : result == (LONG)0x80070002 ? (NTSTATUS)0xC0000034
        : result == (LONG)0x80070003 ? (NTSTATUS)0xC000003A
        : result == (LONG)0x80070005 ? STATUS_DENIED
        : STATUS_NO_PROVIDER;
}

int requester_path(const WCHAR *machine, ULONG length, WCHAR *into, ULONG capacity)
{
    WCHAR nt[1024], device[1024];
    struct rc_name name;
    if (length + 4 >= 1024 || length < 3 || machine[1] != ':')
        return 0;
    memcpy(nt, L"\\??\\", 8);
    memcpy(nt + 4, machine, length * sizeof(WCHAR));
    struct rc_text path = {(rc_char *)device, to_device(nt, length + 4, device)};
    for (rc_u32 i = 0; i < world->volumes.count; i++) {
        struct rc_text volume = {world->volumes.volumes[i].text, world->volumes.volumes[i].device_length};
        struct rc_text rest = rc_after(path, volume.length);
        if (!rc_is_within(path, volume, world->volumes.upcase) || rc_unrewrite(&world->map, &world->volumes, volume, rest, &name) != RC_REDIRECT)
            continue;
        WCHAR text[1024]; /* of the whole name: what is behind the letter with the longest target that contains it */
        memcpy(text, volume.chars, volume.length * sizeof(WCHAR));
        ULONG n = volume.length + rc_name_copy(&name, text + volume.length, 1024 - volume.length), best = 0;
        for (WCHAR letter = 'A'; letter <= 'Z'; letter++) {
            WCHAR drive[3] = {letter, ':', 0}, target[512];
            ULONG d = QueryDosDeviceW(drive, target, 512) ? (ULONG)wcslen(target) : 0;
            if (d <= best || d > n || _wcsnicmp(target, text, d) || (d < n && text[d] != '\\') || n - d + 3 >= capacity)
                continue;
            best = d;
            into[0] = letter, into[1] = ':';
            memcpy(into + 2, text + d, (n - d) * sizeof(WCHAR));
            into[n - d + 2] = 0;
        }
        return best ? (int)(n - best + 2) : 0;
    }
    return 0;
}

/* 0: as it is; 1: with r->attributes; below 0: refused. */
NTSTATUS redirect(POBJECT_ATTRIBUTES attributes, struct redirection *r, int changes)
{
    ULONG length = whole_name(attributes, r->from);
    struct rc_name name;
    r->machine = NULL;
    if (length < 6 || memcmp(r->from, L"\\??\\", 8) || r->from[5] != ':')
        return 0; /* a pipe, a console, a device */
    count(COUNT_OPENS);
    if (*ended)
        return count(COUNT_DENIED), STATUS_DENIED;
    struct rc_text path = {(rc_char *)r->device, to_device(r->from, length, r->device)};
    if (!path.length)
        return 0;
    enum rc_verdict verdict = rc_rewrite(&world->map, &world->volumes, path, &name);
    trace("open %.*ls: %d", (int)length, r->from, verdict);
    switch (verdict) {
    case RC_VOLUME:
        return 0;
    case RC_HOST:
        return changes ? (count(COUNT_DENIED), STATUS_DENIED) : (count(COUNT_HOST), 0);
    case RC_DENY:
        return count(COUNT_DENIED), STATUS_DENIED;
    case RC_BAD:
        return count(COUNT_FAILED), STATUS_BAD_NAME;
    case RC_TOO_LONG:
        return count(COUNT_FAILED), STATUS_LONG_NAME;
    case RC_STAGED:
        r->machine = r->from + 4;
        r->machine_length = length - 4;
        return 0;
    case RC_REDIRECT:
        break;
    }
    count(COUNT_REDIRECTED);
    rc_u32 n = rc_name_copy(&name, r->from, MAX_NAME); /* its rest is in r->device */
    n = from_device(r->from, n, r->to);
    r->machine = r->to + 4;
    r->machine_length = n - 4;
    r->name.Buffer = r->to;
    r->name.Length = r->name.MaximumLength = (USHORT)(n * sizeof(WCHAR));
    r->attributes = *attributes;
    r->attributes.RootDirectory = NULL;
    r->attributes.ObjectName = &r->name;
    return 1;
}

/* What the file system does before it opens something in a staging directory. What is absent the disk says once more. */
static NTSTATUS prepare(const struct redirection *r, ACCESS_MASK access, ULONG disposition, ULONG options, int *absent)
{
    *absent = 0;
    if (!r->machine)
        return 0;
    int is_open = disposition == FILE_OPEN || disposition == FILE_OPEN_IF;
    enum stage_event event = options & FILE_DIRECTORY_FILE ? STAGE_LOOK
        : !is_open && disposition != FILE_CREATE           ? STAGE_REPLACE
        : disposition == FILE_CREATE                       ? STAGE_LOOK
        : access & WRITING                                 ? STAGE_WRITE
        : access & READING                                 ? STAGE_READ
                                                           : STAGE_LOOK;
    NTSTATUS status = stage(event, r->machine, r->machine_length, NULL, 0);
    *absent = status == (NTSTATUS)0xC0000034;
    return status == STATUS_NO_PROVIDER || (status == STATUS_DENIED && event == STAGE_LOOK) ? status : 0;
}

static NTSTATUS NTAPI create(PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK io, PLARGE_INTEGER size, ULONG flags,
    ULONG share, ULONG disposition, ULONG options, PVOID ea, ULONG ea_size)
{
    if (!enter())
        return real_create(handle, access, attributes, io, size, flags, share, disposition, options, ea, ea_size);
    struct redirection *r = HeapAlloc(GetProcessHeap(), 0, sizeof *r);
    int absent = 0, changes = (access & CHANGING) || disposition != FILE_OPEN || (options & FILE_DELETE_ON_CLOSE);
    NTSTATUS status = redirect(attributes, r, changes), ready = status < 0 ? status : prepare(r, access, disposition, options, &absent);
    if (ready >= 0) {
        ready = real_create(handle, access, status == 1 ? &r->attributes : attributes, io, size, flags, share, disposition, options, ea, ea_size);
        if (ready >= 0 && r->machine && absent)
            stage(STAGE_MADE, r->machine, r->machine_length, NULL, 0);
        if (ready >= 0 && r->machine && (options & FILE_DELETE_ON_CLOSE))
            stage(STAGE_DELETE, r->machine, r->machine_length, NULL, 0);
    }
    HeapFree(GetProcessHeap(), 0, r);
    leave();
    return ready;
}

static NTSTATUS NTAPI open(PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK io, ULONG share, ULONG options)
{
    return create(handle, access, attributes, io, NULL, 0, share, FILE_OPEN, options, NULL, 0);
}

static NTSTATUS query_by(query_call real, POBJECT_ATTRIBUTES attributes, PVOID information)
{
    if (!enter())
        return real(attributes, information);
    struct redirection *r = HeapAlloc(GetProcessHeap(), 0, sizeof *r);
    int absent;
    NTSTATUS status = redirect(attributes, r, 0), ready = status < 0 ? status : prepare(r, FILE_READ_ATTRIBUTES, FILE_OPEN, 0, &absent);
    if (ready >= 0)
        ready = real(status == 1 ? &r->attributes : attributes, information);
    HeapFree(GetProcessHeap(), 0, r);
    leave();
    return ready;
}

static NTSTATUS NTAPI query(POBJECT_ATTRIBUTES attributes, PVOID information) { return query_by(real_query, attributes, information); }
static NTSTATUS NTAPI query_full(POBJECT_ATTRIBUTES attributes, PVOID information) { return query_by(real_query_full, attributes, information); }

/* FileRenameInformation, FileLinkInformation and their like carry the target in the buffer. */
static NTSTATUS rename_to(HANDLE file, PIO_STATUS_BLOCK io, FILE_RENAME_INFORMATION *given, ULONG class)
{
    struct redirection *r = HeapAlloc(GetProcessHeap(), 0, sizeof *r);
    UNICODE_STRING target = {(USHORT)given->FileNameLength, (USHORT)given->FileNameLength, given->FileName};
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof attributes, .RootDirectory = given->RootDirectory, .ObjectName = &target};
    WCHAR *from = HeapAlloc(GetProcessHeap(), 0, MAX_NAME * sizeof(WCHAR));
    ULONG from_length = name_of(file, from);
    NTSTATUS status = redirect(&attributes, r, 1);
    int absent;
    if (status >= 0)
        prepare(r, FILE_READ_ATTRIBUTES, FILE_OPEN, 0, &absent);
    if (status >= 0 && from_length > 4)
        stage(STAGE_READ, from + 4, from_length - 4, NULL, 0); /* a content that goes to another name goes with it */
    if (status == 1) {
        ULONG bytes = (ULONG)(FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) + r->name.Length + sizeof(WCHAR));
        FILE_RENAME_INFORMATION *changed = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, bytes);
        *changed = *given;
        changed->RootDirectory = NULL;
        changed->FileNameLength = r->name.Length;
        memcpy(changed->FileName, r->name.Buffer, r->name.Length);
        status = real_set(file, io, changed, bytes, class);
        count(COUNT_RENAMES);
        HeapFree(GetProcessHeap(), 0, changed);
    } else if (status == 0) {
        status = real_set(file, io, given, (ULONG)FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) + given->FileNameLength, class);
    }
    if (status >= 0 && r->machine && from_length > 4)
        stage(class == 11 ? STAGE_MADE : STAGE_RENAME, class == 11 ? r->machine : from + 4, class == 11 ? r->machine_length : from_length - 4, r->machine, r->machine_length);
    HeapFree(GetProcessHeap(), 0, from);
    HeapFree(GetProcessHeap(), 0, r);
    return status;
}

static NTSTATUS NTAPI set(HANDLE file, PIO_STATUS_BLOCK io, PVOID buffer, ULONG length, ULONG class)
{
    enum { RENAME = 10, LINK = 11, DISPOSITION = 13, DISPOSITION_EX = 64, RENAME_EX = 65 };
    int is_rename = class == RENAME || class == LINK || class == RENAME_EX, is_deletion = (class == DISPOSITION || class == DISPOSITION_EX) && *(BYTE *)buffer;
    if ((!is_rename && !is_deletion) || !enter())
        return real_set(file, io, buffer, length, class);
    NTSTATUS status = is_rename ? rename_to(file, io, buffer, class) : real_set(file, io, buffer, length, class);
    if (is_deletion && status >= 0) {
        WCHAR *name = HeapAlloc(GetProcessHeap(), 0, MAX_NAME * sizeof(WCHAR));
        ULONG n = name_of(file, name);
        if (n > 4)
            stage(STAGE_DELETE, name + 4, n - 4, NULL, 0);
        HeapFree(GetProcessHeap(), 0, name);
    }
    leave();
    return status;
}

static NTSTATUS NTAPI list(HANDLE directory, HANDLE event, PIO_APC_ROUTINE apc, PVOID context, PIO_STATUS_BLOCK io, PVOID buffer, ULONG length, ULONG class,
    BOOLEAN single, PUNICODE_STRING mask, BOOLEAN restart)
{
    if (enter()) {
        WCHAR *name = HeapAlloc(GetProcessHeap(), 0, MAX_NAME * sizeof(WCHAR)), device[1024];
        ULONG n = name_of(directory, name);
        struct rc_name other;
        struct rc_text path = {(rc_char *)device, n > 6 && n < 500 && name[5] == ':' ? to_device(name, n, device) : 0};
        if (path.length && rc_rewrite(&world->map, &world->volumes, path, &other) == RC_STAGED)
            stage(STAGE_LIST, name + 4, n - 4, NULL, 0);
        HeapFree(GetProcessHeap(), 0, name);
        leave();
    }
    return real_list(directory, event, apc, context, io, buffer, length, class, single, mask, restart);
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD why, LPVOID reserved)
{
    (void)reserved;
    if (why != DLL_PROCESS_ATTACH)
        return TRUE;
    DisableThreadLibraryCalls(instance);
    WCHAR name[64];
    _snwprintf(name, 64, L"Local\\reprflt-process-%lu", GetCurrentProcessId());
    HANDLE section = OpenFileMappingW(FILE_MAP_ALL_ACCESS, FALSE, name);
    if (!section)
        return TRUE; /* the worker itself, which only injects */
    rc_u64 action = *(rc_u64 *)MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
    _snwprintf(name, 64, L"Local\\reprflt-world-%I64u", action);
    world = MapViewOfFile(OpenFileMappingW(FILE_MAP_ALL_ACCESS, FALSE, name), FILE_MAP_ALL_ACCESS, 0, 0, 0);
    counts = MapViewOfFile(OpenFileMappingW(FILE_MAP_ALL_ACCESS, FALSE, L"Local\\reprflt-counts"), FILE_MAP_ALL_ACCESS, 0, 0, 0);
    if (!world || !counts)
        return FALSE;
    ended = &world->ended; /* all else does not change any more, but for the function, which is at another address in each process */
    struct world *own = HeapAlloc(GetProcessHeap(), 0, sizeof *own);
    *own = *world;
    own->volumes.upcase = upcase;
    world = own;
    busy = TlsAlloc();
    InitializeCriticalSection(&asking);
    enter();
    HMODULE ntdll = GetModuleHandleW(L"ntdll");
    query_object = (object_call)(void *)GetProcAddress(ntdll, "NtQueryObject");
#define REPLACE(real, function, with) real = patch((void *)GetProcAddress(ntdll, function), (void *)with, STUB)
    REPLACE(real_create, "NtCreateFile", create);
    REPLACE(real_open, "NtOpenFile", open);
    REPLACE(real_query, "NtQueryAttributesFile", query);
    REPLACE(real_query_full, "NtQueryFullAttributesFile", query_full);
    REPLACE(real_set, "NtSetInformationFile", set);
    REPLACE(real_list, "NtQueryDirectoryFile", list);
    hook_processes();
    leave();
    show_requesters_names();
    trace("in %ls", GetCommandLineW());
    return TRUE;
}
