/* fltlib.dll: a TEST STAND-IN for the user side of the filter manager and for reprflt.sys behind it. See standin.h. */
#include "standin.h"
#include "../../../driver/reprflt/core/processes.h"

#define MAX_ACTIONS 64u
#define HR(win32) ((HRESULT)(0x80070000u | (win32)))
#define HR_INSTANCE_NOT_FOUND ((HRESULT)0x801F0015)

struct action {
    rc_u64 id;
    struct world *world; /* a view of its section */
    HANDLE section;
    int has_process;
};

static CRITICAL_SECTION gate;
static struct rc_volumes volumes;
static struct rc_processes processes;
static struct action actions[MAX_ACTIONS];
static volatile LONG64 *counts;
static WCHAR hook_path[MAX_PATH];
static inject_function inject;
static int connected;

static rc_char upcase(rc_char c) { return (rc_char)(ULONG_PTR)CharUpperW((LPWSTR)(ULONG_PTR)c); }

BOOL WINAPI DllMain(HINSTANCE instance, DWORD why, LPVOID reserved)
{
    (void)reserved;
    if (why == DLL_PROCESS_ATTACH) {
        InitializeCriticalSection(&gate);
        GetModuleFileNameW(instance, hook_path, MAX_PATH);
        wcscpy(wcsrchr(hook_path, '\\') + 1, L"reprhook.dll");
        HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, COUNTS * sizeof(LONG64), L"Local\\reprflt-counts");
        counts = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
    }
    return TRUE;
}

__declspec(dllexport) HRESULT WINAPI FilterConnectCommunicationPort(
    LPCWSTR name, DWORD options, LPCVOID context, WORD size, LPSECURITY_ATTRIBUTES attributes, HANDLE *port)
{
    (void)options, (void)context, (void)size, (void)attributes;
    *port = INVALID_HANDLE_VALUE;
    if (wcscmp(name, REPRFLT_PORT_NAME) != 0)
        return HR(ERROR_FILE_NOT_FOUND);
    if (InterlockedExchange((LONG *)&connected, 1))
        return HR(ERROR_CONNECTION_COUNT_LIMIT);
    rc_volumes_init(&volumes, upcase);
    rc_processes_init(&processes);
    *port = CreateEventW(NULL, TRUE, FALSE, NULL);
    return S_OK;
}

static struct rc_text text(const reprflt_u16 *chars, reprflt_u32 length)
{
    struct rc_text made = {chars, length};
    return made;
}

static HRESULT result_of(enum rc_outcome outcome)
{
    switch (outcome) {
    case RC_OK: return S_OK;
    case RC_FULL: return HR(ERROR_NO_SYSTEM_RESOURCES);
    case RC_CONFLICT: return HR(ERROR_ALREADY_EXISTS);
    case RC_NO_VOLUME: return HR(ERROR_PATH_NOT_FOUND);
    default: return HR(ERROR_INVALID_PARAMETER);
    }
}

static struct action *find(rc_u64 id)
{
    for (unsigned i = 0; i < MAX_ACTIONS; i++)
        if (actions[i].id == id)
            return &actions[i];
    return NULL;
}

/* The driver asks whether it is attached to the volume; here, whether a drive has this device. */
static int is_attached(struct rc_text device)
{
    for (WCHAR letter = 'A'; letter <= 'Z'; letter++) {
        WCHAR drive[3] = {letter, ':', 0}, target[512];
        if (QueryDosDeviceW(drive, target, 512) && wcslen(target) == device.length && !_wcsnicmp(target, (const WCHAR *)device.chars, device.length))
            return 1;
    }
    return 0;
}

static HRESULT begin(const struct reprflt_begin_action *message)
{
    struct action *free = find(0);
    if (message->action == 0 || message->name_length > REPRFLT_NAME_CHARS)
        return HR(ERROR_INVALID_PARAMETER);
    if (find(message->action))
        return HR(ERROR_ALREADY_EXISTS);
    if (!free)
        return HR(ERROR_NO_SYSTEM_RESOURCES);
    WCHAR name[64];
    _snwprintf(name, 64, L"Local\\reprflt-world-%I64u", message->action);
    free->section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof *free->world, name);
    free->world = MapViewOfFile(free->section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
    if (!free->world)
        return HR(ERROR_NO_SYSTEM_RESOURCES);
    enum rc_outcome outcome = rc_map_init(&free->world->map, text(message->name, message->name_length));
    free->world->action = message->action;
    free->world->ended = 0;
    wcscpy(free->world->hook, hook_path);
    free->has_process = 0;
    if (outcome == RC_OK)
        free->id = message->action;
    return result_of(outcome);
}

static HRESULT add_process(const struct reprflt_add_process *message)
{
    struct action *action = find(message->action);
    FILETIME created, ended, kernel, user;
    HRESULT result = HR(ERROR_INVALID_PARAMETER);
    HANDLE process = OpenProcess(PROCESS_ALL_ACCESS, FALSE, (DWORD)message->process);
    if (!action)
        result = HR(ERROR_NOT_FOUND);
    else if (process && GetProcessTimes(process, &created, &ended, &kernel, &user)
        && message->created == ((rc_u64)created.dwHighDateTime << 32 | created.dwLowDateTime)) {
        action->world->volumes = volumes; /* complete by now, as the rules are */
        action->has_process = 1;
        if (!inject) {
            HMODULE hook = LoadLibraryW(hook_path);
            inject = hook ? (inject_function)(void *)GetProcAddress(hook, "ReprInject") : NULL;
        }
        result = !inject ? HR(ERROR_MOD_NOT_FOUND) : inject(process, (DWORD)message->process, message->action) ? S_OK : HR(ERROR_DLL_INIT_FAILED);
    }
    if (process)
        CloseHandle(process);
    return result;
}

static HRESULT end(const struct reprflt_end_action *message, struct reprflt_ended *reply)
{
    struct action *action = find(message->action);
    if (!action)
        return HR(ERROR_NOT_FOUND);
    action->world->ended = 1;
    UnmapViewOfFile(action->world);
    CloseHandle(action->section);
    action->id = 0;
    reply->running = 0;
    reply->reserved = 0;
    return S_OK;
}

/* The message is exactly its struct, and the reply fits: as the driver checks them. */
static HRESULT take(const struct reprflt_header *header, DWORD size, void *reply, DWORD reply_size, DWORD *returned)
{
#define IS(message, number) (header->type == (number) && size == sizeof(struct message))
#define REPLY(message) (reply_size >= sizeof(struct message) ? (*returned = sizeof(struct message), (struct message *)reply) : NULL)
    if (size < sizeof *header || header->size != size || header->reserved != 0)
        return HR(ERROR_INVALID_PARAMETER);
    if (IS(reprflt_hello, REPRFLT_HELLO)) {
        struct reprflt_welcome *welcome = REPLY(reprflt_welcome);
        if (!welcome)
            return HR(ERROR_INSUFFICIENT_BUFFER);
        WCHAR version[16];
        welcome->version = GetEnvironmentVariableW(L"REPRFLT_STANDIN_VERSION", version, 16) ? (reprflt_u32)_wtoi(version) : REPRFLT_VERSION;
        welcome->max_volumes = RC_MAX_VOLUMES;
        welcome->max_actions = MAX_ACTIONS;
        welcome->max_processes = RC_MAX_PROCESSES;
        welcome->max_rules = RC_MAX_RULES;
        welcome->max_rule_text = RC_MAX_RULE_TEXT;
        return S_OK;
    }
    if (header->version != REPRFLT_VERSION)
        return HR(ERROR_REVISION_MISMATCH);
    if (IS(reprflt_add_volume, REPRFLT_ADD_VOLUME)) {
        const struct reprflt_add_volume *add = (const void *)header;
        if (add->device_length > REPRFLT_DEVICE_CHARS || add->root_length > REPRFLT_PATH_CHARS)
            return HR(ERROR_INVALID_PARAMETER);
        struct rc_text device = text(add->device, add->device_length);
        return is_attached(device) ? result_of(rc_volumes_add(&volumes, device, text(add->root, add->root_length))) : HR_INSTANCE_NOT_FOUND;
    }
    if (IS(reprflt_begin_action, REPRFLT_BEGIN_ACTION))
        return begin((const void *)header);
    if (IS(reprflt_add_rule, REPRFLT_ADD_RULE)) {
        const struct reprflt_add_rule *add = (const void *)header;
        struct action *action = find(add->action);
        if (!action || add->action == 0)
            return HR(ERROR_NOT_FOUND);
        if (action->has_process)
            return HR(ERROR_INVALID_STATE);
        if (add->path_length > REPRFLT_PATH_CHARS || add->target_length > REPRFLT_PATH_CHARS)
            return HR(ERROR_INVALID_PARAMETER);
        return result_of(rc_map_add(&action->world->map, &volumes, add->kind == REPRFLT_HOST ? RC_HOST_RULE : RC_REDIRECT_RULE,
            text(add->path, add->path_length), text(add->target, add->target_length)));
    }
    if (IS(reprflt_add_process, REPRFLT_ADD_PROCESS))
        return add_process((const void *)header);
    if (IS(reprflt_end_action, REPRFLT_END_ACTION)) {
        struct reprflt_ended *ended = REPLY(reprflt_ended);
        return ended ? end((const void *)header, ended) : HR(ERROR_INSUFFICIENT_BUFFER);
    }
    if (IS(reprflt_query_statistics, REPRFLT_QUERY_STATISTICS)) {
        struct reprflt_statistics *statistics = REPLY(reprflt_statistics);
        if (!statistics)
            return HR(ERROR_INSUFFICIENT_BUFFER);
        memset(statistics, 0, sizeof *statistics);
        memcpy(statistics, (const void *)counts, COUNTS * sizeof(LONG64));
        return S_OK;
    }
    return HR(ERROR_INVALID_PARAMETER);
}

__declspec(dllexport) HRESULT WINAPI FilterSendMessage(HANDLE port, LPVOID in, DWORD size, LPVOID out, DWORD out_size, LPDWORD returned)
{
    (void)port;
    *returned = 0;
    EnterCriticalSection(&gate);
    HRESULT result = take(in, size, out, out_size, returned);
    LeaveCriticalSection(&gate);
    return result;
}
