/*
 * Of reprhook.dll: processes that the tool starts. TEST CODE; see standin.h.
 *
 * Wine opens a new process's image, its imported DLLs and its directory by paths of its own, before a hook can be there. So the image is
 * started by its path in staging, fetched before, with what it imports; and when the hook is there, the names are the requester's again.
 */
#include "hook.h"

typedef BOOL(WINAPI *create_process_call)(HANDLE, LPCWSTR, LPWSTR, LPSECURITY_ATTRIBUTES, LPSECURITY_ATTRIBUTES, BOOL, DWORD, LPVOID, LPCWSTR,
    LPSTARTUPINFOW, LPPROCESS_INFORMATION, PHANDLE);

static create_process_call create_process;
static BYTE original[16];
static CRITICAL_SECTION patching;

/* Puts this DLL into a suspended process; it finds the action by the process's number. */
__declspec(dllexport) int ReprInject(HANDLE process, DWORD id, rc_u64 action)
{
    WCHAR name[64], path[MAX_PATH];
    HMODULE self;
    _snwprintf(name, 64, L"Local\\reprflt-process-%lu", id);
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, (LPCWSTR)(void *)ReprInject, &self);
    GetModuleFileNameW(self, path, MAX_PATH);
    HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof action, name);
    rc_u64 *view = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
    SIZE_T bytes = (wcslen(path) + 1) * sizeof(WCHAR);
    void *there = VirtualAllocEx(process, NULL, bytes, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    DWORD loaded = 0;
    if (view && there && WriteProcessMemory(process, there, path, bytes, NULL)) {
        *view = action;
        void *load = (void *)GetProcAddress(GetModuleHandleW(L"kernel32"), "LoadLibraryW");
        HANDLE thread = CreateRemoteThread(process, NULL, 0, (LPTHREAD_START_ROUTINE)load, there, 0, NULL);
        if (thread) {
            WaitForSingleObject(thread, INFINITE);
            GetExitCodeThread(thread, &loaded);
            CloseHandle(thread);
        }
    }
    if (view)
        UnmapViewOfFile(view);
    if (section)
        CloseHandle(section);
    return loaded != 0;
}

/* The path in staging of a requester's path; 0: it is the host's, or nothing. */
static ULONG staged_path(const WCHAR *path, WCHAR *into)
{
    struct redirection *r = HeapAlloc(GetProcessHeap(), 0, sizeof *r);
    UNICODE_STRING name;
    ULONG length = 0;
    if (RtlDosPathNameToNtPathName_U(path, &name, NULL, NULL)) {
        OBJECT_ATTRIBUTES attributes = {.Length = sizeof attributes, .ObjectName = &name};
        redirect(&attributes, r, 0);
        if (r->machine && r->machine_length < 1000) {
            length = r->machine_length;
            memcpy(into, r->machine, length * sizeof(WCHAR));
            into[length] = 0;
        }
        RtlFreeUnicodeString(&name);
    }
    HeapFree(GetProcessHeap(), 0, r);
    return length;
}

/* Where an address of an image is in its file; 0: nowhere. */
static DWORD offset_of(const IMAGE_NT_HEADERS64 *headers, DWORD address)
{
    const IMAGE_SECTION_HEADER *section = IMAGE_FIRST_SECTION(headers);
    for (WORD i = 0; i < headers->FileHeader.NumberOfSections; i++)
        if (address >= section[i].VirtualAddress && address - section[i].VirtualAddress < section[i].SizeOfRawData)
            return address - section[i].VirtualAddress + section[i].PointerToRawData;
    return 0;
}

/* Fetches an image, and the DLLs that it imports from its own directory: what the loader's opens would do. */
static void fetch_image(const WCHAR *path, ULONG length, int depth)
{
    if (stage(STAGE_READ, path, length, NULL, 0) < 0 || depth > 4)
        return;
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    DWORD size = file == INVALID_HANDLE_VALUE ? 0 : GetFileSize(file, NULL), read = 0;
    BYTE *image = size ? HeapAlloc(GetProcessHeap(), 0, size) : NULL;
    if (image && ReadFile(file, image, size, &read, NULL) && read == size && size > 0x400 && image[0] == 'M') {
        const IMAGE_NT_HEADERS64 *headers = (const void *)(image + *(LONG *)(image + 0x3c));
        DWORD at = headers->OptionalHeader.Magic == IMAGE_NT_OPTIONAL_HDR64_MAGIC ? offset_of(headers, headers->OptionalHeader.DataDirectory[1].VirtualAddress) : 0;
        for (const IMAGE_IMPORT_DESCRIPTOR *import = (const void *)(image + at); at && import->Name; import++) {
            WCHAR dll[1024];
            const WCHAR *slash = wcsrchr(path, '\\');
            int n = _snwprintf(dll, 1024, L"%.*ls\\%hs", (int)(slash - path), path, (const char *)(image + offset_of(headers, import->Name)));
            if (n > 0)
                fetch_image(dll, (ULONG)n, depth + 1);
        }
    }
    if (image)
        HeapFree(GetProcessHeap(), 0, image);
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
}

/* The program of a command line, looked for as CreateProcess does: by the tool's own eyes. */
static const WCHAR *find_program(const WCHAR *line, WCHAR *into)
{
    WCHAR first[1024];
    int n = 0, quoted = *line == '"';
    for (line += quoted; *line && n < 1000 && (quoted ? *line != '"' : *line != ' '); line++)
        first[n++] = *line;
    first[n] = 0;
    return SearchPathW(NULL, first, L".exe", 1024, into, NULL) ? into : first[0] ? wcscpy(into, first) : NULL;
}

static BOOL WINAPI new_process(HANDLE token, LPCWSTR program, LPWSTR line, LPSECURITY_ATTRIBUTES process, LPSECURITY_ATTRIBUTES thread, BOOL inherit,
    DWORD flags, LPVOID environment, LPCWSTR directory, LPSTARTUPINFOW startup, LPPROCESS_INFORMATION created, PHANDLE other)
{
    WCHAR found[1024], image[1024], here[1024], there[1024], *copy = NULL;
    if (!program)
        program = find_program(line, found);
    if (!directory && GetCurrentDirectoryW(1024, here))
        directory = here;
    if (program && !line) /* its command line is its name, not the path that it is started by */
        line = copy = _wcsdup(program);
    if (!enter())
        return FALSE;
    ULONG length = program ? staged_path(program, image) : 0;
    if (length) {
        fetch_image(image, length, 0);
        program = image;
    }
    length = directory ? staged_path(directory, there) : 0;
    if (length)
        stage(STAGE_LOOK, there, length, NULL, 0);

    /* No stub of a system call: put back, called, replaced once more. */
    EnterCriticalSection(&patching);
    BYTE mine[16];
    DWORD old;
    memcpy(mine, (void *)create_process, 16);
    VirtualProtect((void *)create_process, 16, PAGE_EXECUTE_READWRITE, &old);
    memcpy((void *)create_process, original, 16);
    BOOL done = create_process(token, program, line, process, thread, inherit, flags | CREATE_SUSPENDED, environment, length ? there : directory, startup, created, other);
    DWORD error = GetLastError();
    memcpy((void *)create_process, mine, 16);
    LeaveCriticalSection(&patching);
    trace("process %ls (%ls) -> %d %lu", program ? program : L"", line ? line : L"", done, error);
    if (done && !ReprInject(created->hProcess, created->dwProcessId, world->action)) {
        TerminateProcess(created->hProcess, 1); /* never an untracked child */
        count(COUNT_REFUSED);
    } else if (done) {
        count(COUNT_INHERITED);
        if (!(flags & CREATE_SUSPENDED))
            ResumeThread(created->hThread);
    }
    leave();
    free(copy);
    SetLastError(error);
    return done;
}

void hook_processes(void)
{
    InitializeCriticalSection(&patching);
    create_process = (create_process_call)(void *)GetProcAddress(GetModuleHandleW(L"kernelbase"), "CreateProcessInternalW");
    memcpy(original, (void *)create_process, 16);
    patch((void *)create_process, (void *)new_process, 16);
}

/* Of the image, of its DLLs and of the directory this process knows the names in staging. */
static void rename_module(UNICODE_STRING *name)
{
    WCHAR requesters[1024];
    int length = name->Buffer ? requester_path(name->Buffer, name->Length / sizeof(WCHAR), requesters, 1024) : 0;
    if (!length)
        return;
    name->Buffer = _wcsdup(requesters);
    name->Length = (USHORT)(length * sizeof(WCHAR));
    name->MaximumLength = name->Length + sizeof(WCHAR);
}

void show_requesters_names(void)
{
    PEB *peb = NtCurrentTeb()->ProcessEnvironmentBlock;
    WCHAR staged[1024], requesters[1024];
    rename_module(&peb->ProcessParameters->ImagePathName);
    LIST_ENTRY *head = &peb->Ldr->InMemoryOrderModuleList;
    for (LIST_ENTRY *entry = head->Flink; entry != head; entry = entry->Flink)
        rename_module(&CONTAINING_RECORD(entry, LDR_DATA_TABLE_ENTRY, InMemoryOrderLinks)->FullDllName);
    DWORD length = GetCurrentDirectoryW(1024, staged);
    if (length && requester_path(staged, length, requesters, 1024))
        SetCurrentDirectoryW(requesters);
}
