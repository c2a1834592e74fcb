/* The standard input: whether the tool gets it, and how a local run gets what was read for a remote one. */
#define _GNU_SOURCE
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEPT_MAXIMUM = 1 << 20, RESPONSE_FILE_MAXIMUM = 1 << 20 };

/* Those that read their standard input only if they are told to. */
static const char *const tools[] = {
    "gcc", "g++", "cc", "c++", "c89", "c99", "clang", "clang++", "clang-cl", "cl", "gfortran", "gnat", "gdc", "ldc2", "rustc", "nvcc",
    "ar", "gcc-ar", "llvm-ar", "lib", "llvm-lib", "ranlib", "gcc-ranlib", "llvm-ranlib", "ld", "ld.bfd", "ld.gold", "ld.lld", "ld64.lld",
    "lld", "lld-link", "link", "gold", "mold", "windres", "llvm-rc", "rc", "nm", "strip", "objcopy", "objdump", "readelf", "llvm-nm",
    "llvm-strip", "llvm-objcopy", "dwp", "nasm", "yasm",
    /* and these if a source file is named */
    "as", "cpp", "clang-cpp",
};

/* A stream that was closed must not become the socket: it leads nowhere, until the command gets it as it was. */
void repair_standard_streams(void)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", O_RDWR | O_CLOEXEC); /* takes the lowest number, which is this one */
}

bool is_null_or_closed(int descriptor)
{
    struct stat stat;

    return fstat(descriptor, &stat) != 0 || (S_ISCHR(stat.st_mode) && stat.st_rdev == makedev(1, 3));
}

/* "x86_64-linux-gnu-g++-12" is "g++": a target in front, a version behind. */
static bool is_tool(const char *program)
{
    const char *slash = strrchr(program, '/'), *name = slash != NULL ? slash + 1 : program;
    size_t length = strlen(name);

    if (length > 4 && strcasecmp(name + length - 4, ".exe") == 0)
        length -= 4;
    size_t version = length;
    while (version > 0 && strchr("0123456789.", name[version - 1]) != NULL)
        version--;
    if (version > 0 && version < length && name[version - 1] == '-')
        length = version - 1;
    for (size_t index = 0; index < sizeof tools / sizeof *tools; index++) {
        size_t wanted = strlen(tools[index]);
        if (length >= wanted && strncmp(name + length - wanted, tools[index], wanted) == 0
            && (length == wanted || name[length - wanted - 1] == '-'))
            return true;
    }
    return false;
}

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t wanted = strlen(end);

    return length > wanted && strncmp(text + length - wanted, end, wanted) == 0;
}

static bool is_source(const char *argument, size_t length)
{
    static const char *const suffixes[] = {".s", ".S", ".sx", ".asm", ".c", ".cc", ".cpp", ".cxx", ".C", ".h", ".hpp", ".hh", ".in", ".lds"};

    for (size_t index = 0; index < sizeof suffixes / sizeof *suffixes; index++)
        if (ends_with(argument, length, suffixes[index]))
            return true;
    return false;
}

struct findings {
    bool reads_input, names_source;
    bool has_script; /* as in "ar -M": a script of commands comes from the standard input */
};

static void judge(struct findings *findings, const char *argument, size_t length)
{
    static const char *const names[] = {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"};

    for (size_t index = 0; index < sizeof names / sizeof *names; index++)
        if (strlen(names[index]) == length && strncmp(argument, names[index], length) == 0)
            findings->reads_input = true;
    if (ends_with(argument, length, "/dev/stdin") || ends_with(argument, length, "=-"))
        findings->reads_input = true;
    if (length > 0 && length <= 2 && argument[length - 1] == 'M' && (length == 1 || *argument == '-'))
        findings->has_script = true;
    findings->names_source = findings->names_source || is_source(argument, length);
}

/* Arguments in a file: `cc @objects.rsp`. One that cannot be read whole may say anything. */
static void judge_file(struct findings *findings, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *content = allocate(RESPONSE_FILE_MAXIMUM + 1);
    ssize_t length = 0, got = -1;

    while (file >= 0 && length < RESPONSE_FILE_MAXIMUM && (got = read(file, content + length, (size_t)(RESPONSE_FILE_MAXIMUM - length))) > 0)
        length += got;
    if (file >= 0)
        close(file);
    if (got != 0 || strlen(content) != (size_t)length)
        findings->reads_input = true;
    for (char *rest, *word = strtok_r(content, " \t\r\n\"'", &rest); word != NULL; word = strtok_r(NULL, " \t\r\n\"'", &rest)) {
        judge(findings, word, strlen(word));
        findings->reads_input = findings->reads_input || *word == '@';
    }
    free(content);
}

static bool reads_no_input(char **command)
{
    struct findings findings = {0};
    const char *slash = strrchr(command[0], '/'), *name = slash != NULL ? slash + 1 : command[0];

    if (!is_tool(command[0]))
        return false;
    for (char **argument = command + 1; *argument != NULL; argument++) {
        judge(&findings, *argument, strlen(*argument));
        if (**argument == '@')
            judge_file(&findings, *argument + 1);
    }
    bool wants_source = strcmp(name, "as") == 0 || strstr(name, "-as") != NULL || strstr(name, "cpp") != NULL;
    bool is_archiver = strcmp(name, "ar") == 0 || strstr(name, "-ar") != NULL;
    return !findings.reads_input && (!wants_source || findings.names_source) && (!is_archiver || !findings.has_script);
}

void open_input(struct input *input, const struct options *options)
{
    struct stat stat;

    *input = (struct input){.start = -1};
    input->taken = !options->no_stdin && !is_null_or_closed(STDIN_FILENO) && !reads_no_input(options->command);
    input->ended = !input->taken;
    if (input->taken && fstat(STDIN_FILENO, &stat) == 0 && S_ISREG(stat.st_mode))
        input->start = lseek(STDIN_FILENO, 0, SEEK_CUR);
}

/* 0: it has ended; -1: nothing now. */
ssize_t read_input(struct input *input, void *data, size_t size)
{
    ssize_t got = read(STDIN_FILENO, data, size);

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return -1;
    if (got <= 0) {
        input->ended = true; /* an error too: a tool would see no more either */
        return 0;
    }
    if (input->start >= 0)
        return got; /* a file is simply read again */
    if (input->kept.length + (size_t)got > KEPT_MAXIMUM)
        input->lost = true;
    else if (!input->lost)
        append(&input->kept, data, (size_t)got);
    return got;
}

static void write_all(int pipe, const unsigned char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(pipe, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            _exit(0); /* the command reads no more */
        data += written;
        length -= (size_t)written;
    }
}

/* Writes what was kept, then what still comes. Ends with the command: a reader that is gone ends the pipe. */
static _Noreturn void feed(const struct input *input, int pipe)
{
    static unsigned char chunk[1 << 16];
    struct pollfd polls[2] = {{STDIN_FILENO, POLLIN, 0}, {pipe, 0, 0}};
    ssize_t got;

    dup2(pipe, 3);
    pipe = polls[1].fd = 3;
    close_range(4, ~0u, 0);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    write_all(pipe, input->kept.data, input->kept.length);
    while (!input->ended) {
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            break;
        if (polls[1].revents != 0)
            break;
        if (polls[0].revents == 0)
            continue;
        got = read(STDIN_FILENO, chunk, sizeof chunk);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
            break;
        if (got > 0)
            write_all(pipe, chunk, (size_t)got);
    }
    _exit(0);
}

/* Before another remote run: a file is read from its start again, and what was kept is sent again. False when that is impossible. */
bool rewind_input(struct input *input)
{
    if (input->lost)
        return false;
    if (input->start < 0)
        return true;
    input->ended = !input->taken;
    return lseek(STDIN_FILENO, input->start, SEEK_SET) >= 0;
}

/* Makes the standard input as if nothing had been read. False when that is impossible. */
bool give_input_back(struct input *input)
{
    int ends[2];

    if (!rewind_input(input))
        return false;
    if (input->start >= 0)
        return true;
    if (input->kept.length == 0)
        return true; /* nothing was read; an end that was seen will be seen again */
    if (pipe2(ends, O_CLOEXEC))
        return false;
    /* Twice: the command must not meet a child that it does not know. */
    pid_t child = fork();
    if (child == 0) {
        if (fork() == 0)
            feed(input, ends[1]);
        _exit(0);
    }
    if (child < 0)
        return false;
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    return true;
}
