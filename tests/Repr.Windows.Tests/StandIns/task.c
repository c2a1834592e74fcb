/*
 * A tool of a test, like a compiler: reads a source and what it includes, looks for what is not there, lists a directory, writes by way of a
 * temporary file, starts a child, and tries what it must not be able to. Each line that it says is one that the test expects.
 *
 *   task compile SOURCE OUTPUT      task child SOURCE      task foreign PATH      task wait FILE      task exit CODE      task echo
 */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <stdio.h>

static FILE *output;

static __attribute__((noreturn)) void finish(int code)
{
    fflush(NULL);
    ExitProcess((UINT)code);
}

/* Copies a source to the output, and in place of #include "x" the file beside it. */
static void include(const char *path, int depth)
{
    char line[512], name[512], beside[1024];
    FILE *file = fopen(path, "rb");
    if (!file || depth > 10) {
        printf("cannot open %s: %lu\n", path, GetLastError());
        finish(2);
    }
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "#include \"%511[^\"]\"", name) != 1) {
            fputs(line, output);
            continue;
        }
        strcpy(beside, path);
        char *slash = strrchr(beside, '\\');
        strcpy(slash ? slash + 1 : beside, name);
        include(beside, depth + 1);
    }
    fclose(file);
}

static DWORD run_child(const char *arguments)
{
    char self[MAX_PATH], line[1200];
    GetModuleFileNameA(NULL, self, sizeof self);
    _snprintf(line, sizeof line, "\"%s\" %s", self, arguments);
    STARTUPINFOA startup = {.cb = sizeof startup};
    PROCESS_INFORMATION child;
    fflush(stdout);
    if (!CreateProcessA(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child))
        return 1000 + GetLastError();
    DWORD code = 999;
    WaitForSingleObject(child.hProcess, INFINITE);
    GetExitCodeProcess(child.hProcess, &code);
    return code;
}

static void compile(const char *source, const char *result)
{
    char self[MAX_PATH], directory[MAX_PATH], temporary[MAX_PATH], arguments[600], wanted[64];
    WIN32_FIND_DATAA found;
    GetModuleFileNameA(NULL, self, sizeof self);
    GetCurrentDirectoryA(sizeof directory, directory);
    printf("I am %s in %s\n", self, directory);
    printf("missing.h: %s\n", GetFileAttributesA("inc\\missing.h") == INVALID_FILE_ATTRIBUTES ? "absent" : "there");
    WIN32_FILE_ATTRIBUTE_DATA data = {0};
    GetFileAttributesExA("INC\\A.H", GetFileExInfoStandard, &data);
    printf("A.H in other case: %lu bytes\n", data.nFileSizeLow);

    GetTempPathA(sizeof temporary, temporary);
    strcat(temporary, "half.tmp");
    output = fopen(temporary, "wb");
    if (!output) {
        printf("no temporary file %s: %lu\n", temporary, GetLastError());
        finish(3);
    }
    include(source, 0);
    fclose(output);
    printf("renamed: %d\n", MoveFileExA(temporary, result, MOVEFILE_REPLACE_EXISTING));

    HANDLE list = FindFirstFileA("inc\\*.h", &found);
    printf("listed:");
    if (list != INVALID_HANDLE_VALUE)
        do
            printf(" %s", found.cFileName);
        while (FindNextFileA(list, &found));
    printf("\ndeleted: %d\n", DeleteFileA("old.obj"));
    output = fopen("log.txt", "ab");
    fputs("second\n", output);
    fclose(output);
    _snprintf(wanted, sizeof wanted, "%%SystemRoot%%\\win.ini");
    ExpandEnvironmentStringsA(wanted, directory, sizeof directory);
    FILE *host = fopen(directory, "rb");
    printf("Windows to be read: %d, to be written: %d\n", host != NULL, fopen(directory, "ab") != NULL);
    _snprintf(arguments, sizeof arguments, "child %s", source);
    printf("child: %lu\n", run_child(arguments));
}

/* Splits the command line at its blanks; the tests have none in paths. */
static int split(char *line, char **arguments, int most)
{
    int count = 0;
    for (char *word = strtok(line, " "); word && count < most; word = strtok(NULL, " "))
        arguments[count++] = word;
    return count;
}

void start(void)
{
    char line[2048], *arguments[8] = {0}, text[512];
    strncpy(line, GetCommandLineA(), sizeof line - 1);
    int count = split(line, arguments, 8);
    const char *verb = count > 1 ? arguments[1] : "";
    if (!strcmp(verb, "compile") && count == 4) {
        compile(arguments[2], arguments[3]);
    } else if (!strcmp(verb, "child") && count == 3) {
        FILE *file = fopen(arguments[2], "rb");
        printf("child reads: %s", file && fgets(text, sizeof text, file) ? text : "nothing\n");
    } else if (!strcmp(verb, "foreign") && count == 3) {
        FILE *file = fopen(arguments[2], "rb");
        DWORD error = GetLastError();
        printf("foreign: %d, error %lu\n", file != NULL, file ? 0 : error);
    } else if (!strcmp(verb, "wait") && count == 3) {
        /* With a child that waits too: both are to be killed. */
        if (!strcmp(arguments[2], "parent"))
            printf("waits\n"), fflush(stdout), run_child("wait child");
        Sleep(INFINITE);
    } else if (!strcmp(verb, "exit") && count == 3) {
        fprintf(stderr, "exits\n");
        finish(atoi(arguments[2]));
    } else if (!strcmp(verb, "environment") && count == 3) {
        printf("%s\n", GetEnvironmentVariableA(arguments[2], text, sizeof text) ? text : "unset");
    } else if (!strcmp(verb, "echo")) {
        while (fgets(text, sizeof text, stdin))
            printf("got %s", text);
        printf("end\n");
    } else {
        printf("unknown: %s\n", verb);
        finish(9);
    }
    finish(0);
}
