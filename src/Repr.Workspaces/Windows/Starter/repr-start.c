/*
 * repr-start.exe: the first process of an action on Windows. Started suspended, put into the action's job and made known to the driver, it
 * starts the tool by its requester's path, waits for it, and reports. See start.h. It has no C library: it starts fast and opens no file of
 * its own, since what it would open is the requester's.
 */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include "start.h"

#define MAX_BYTES (1u << 20)

static HANDLE worker;
static WCHAR texts[MAX_BYTES / sizeof(WCHAR) + 1];

/* Tells the worker; who does not read any more needs to know nothing. */
static void report(enum start_kind kind, DWORD value)
{
    struct start_report said = {kind, value};
    DWORD written;
    WriteFile(worker, &said, sizeof said, &written, NULL);
}

static __attribute__((noreturn)) void give_up(enum start_kind kind, DWORD error)
{
    report(kind, error);
    ExitProcess(1);
}

/* Reads exactly this many bytes. */
static int read_all(void *into, DWORD bytes)
{
    for (DWORD read; bytes > 0; bytes -= read, into = (char *)into + read)
        if (!ReadFile(worker, into, bytes, &read, NULL) || read == 0)
            return 0;
    return 1;
}

/* What follows the end of a text; the buffer ends with a null character in any case. */
static const WCHAR *after(const WCHAR *text, const WCHAR *end)
{
    while (text < end && *text)
        text++;
    return text < end ? text + 1 : end;
}

static int is_same(const WCHAR *one, const WCHAR *other)
{
    while (*one && *one == *other)
        one++, other++;
    return *one == *other;
}

/* The number at the end of the command line. */
static ULONG_PTR number_at_end(const WCHAR *line)
{
    ULONG_PTR number = 0;
    for (; *line; line++) {
        WCHAR c = *line;
        if (c == ' ')
            number = 0;
        else if (c >= '0' && c <= '9')
            number = number << 4 | (ULONG_PTR)(c - '0');
        else if (c >= 'a' && c <= 'f')
            number = number << 4 | (ULONG_PTR)(c - 'a' + 10);
    }
    return number;
}

/* Gives this logon session a drive that the machine lacks; the driver redirects its target. */
static void make_drive(const WCHAR *letter, const WCHAR *target)
{
    static WCHAR there[1024];
    if (QueryDosDeviceW(letter, there, ARRAYSIZE(there)) && is_same(there, target))
        return;
    if (!DefineDosDeviceW(DDD_RAW_TARGET_PATH | DDD_NO_BROADCAST_SYSTEM, letter, target))
        give_up(START_DRIVE, GetLastError());
}

void start(void)
{
    struct start_request request;
    worker = (HANDLE)number_at_end(GetCommandLineW());
    SetHandleInformation(worker, HANDLE_FLAG_INHERIT, 0);
    if (!read_all(&request, sizeof request) || request.bytes > MAX_BYTES || !read_all(texts, request.bytes))
        give_up(START_REQUEST, GetLastError());
    const WCHAR *end = texts + request.bytes / sizeof(WCHAR);
    const WCHAR *program = texts, *line = after(program, end), *directory = after(line, end), *drive = after(directory, end);
    for (unsigned int i = 0; i < request.drives; i++) {
        const WCHAR *target = after(drive, end);
        make_drive(drive, target);
        drive = after(target, end);
    }

    DWORD attributes = GetFileAttributesW(directory);
    if (attributes == INVALID_FILE_ATTRIBUTES)
        give_up(START_DIRECTORY, GetLastError());
    if (!(attributes & FILE_ATTRIBUTE_DIRECTORY))
        give_up(START_DIRECTORY, ERROR_DIRECTORY);

    static STARTUPINFOW startup;
    PROCESS_INFORMATION tool;
    startup.cb = sizeof startup;
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    if (!CreateProcessW(program, (WCHAR *)line, NULL, NULL, TRUE, 0, NULL, directory, &startup, &tool))
        give_up(START_PROGRAM, GetLastError());
    report(START_STARTED, tool.dwProcessId);

    /* The tool's children may write on; this process would only keep the pipes open. */
    CloseHandle(startup.hStdInput);
    CloseHandle(startup.hStdOutput);
    CloseHandle(startup.hStdError);
    DWORD code = 0;
    WaitForSingleObject(tool.hProcess, INFINITE);
    GetExitCodeProcess(tool.hProcess, &code);
    report(START_EXITED, code);
    ExitProcess(0);
}
