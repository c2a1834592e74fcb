/* The command line and the environment of `repr exec`. */
#define _GNU_SOURCE
#include "front.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char usage[] =
    "Usage: repr exec [options] [--] command [arguments]\n"
    "\n"
    "Runs a command on a worker, as if it ran here; without an endpoint, it runs here.\n"
    "\n"
    "  --endpoint URL    the worker, as in http://127.0.0.1:7070 [$REPR_ENDPOINT]\n"
    "  --read-root DIR   the worker may read below it [$REPR_READ_ROOTS, separated by ':']\n"
    "  --write-root DIR  the command may change what is below it [$REPR_WRITE_ROOTS]\n"
    "  --input PATH      a file that the command reads: a hint\n"
    "  --output PATH     a file or directory that the command writes: a hint\n"
    "  --no-stdin        the command's standard input is empty\n"
    "  --cache MODE      off, read, readwrite or verify: whether a known result will do, which is not for\n"
    "                    a command that takes standard input [$REPR_CACHE]\n"
    "  --placement WHERE remote, race (on a second worker too if it takes long) or auto (and here if that\n"
    "                    is faster) [$REPR_PLACEMENT]\n"
    "  --download MODE   all, or minimal: object files of compiles (-c) stay on the worker until they are read\n"
    "                    [$REPR_DOWNLOAD]\n"
    "  --fail            do not run it here if it cannot run on the worker [$REPR_FALLBACK=fail]\n"
    "  --build-id ID     names the build record [$REPR_BUILD_ID]\n"
    "  --help            this text\n"
    "\n"
    "The exit code is the command's. 124: it ran too long; 125: it could not be run on the worker; 2: malformed options.\n";

static _Noreturn void malformed(const char *pattern, ...)
{
    va_list arguments;

    fputs("repr exec: ", stderr);
    va_start(arguments, pattern);
    vfprintf(stderr, pattern, arguments);
    va_end(arguments);
    fputs(" See 'repr exec --help'.\n", stderr);
    exit(EXIT_MALFORMED);
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != 0 ? value : NULL;
}

/* Absolute, without empty, '.' and '..' components. Links stay: a link is an input of its own. */
static const char *full_path(const struct options *options, const char *path)
{
    char *joined = *path == '/' ? format("%s", path) : format("%s/%s", options->directory != NULL ? options->directory : "", path);
    char *full = allocate(strlen(joined) + 2), *end = full;

    for (char *rest, *part = strtok_r(joined, "/", &rest); part != NULL; part = strtok_r(NULL, "/", &rest)) {
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            while (end > full && *--end != '/')
                ;
            continue;
        }
        *end++ = '/';
        end = stpcpy(end, part);
    }
    *end = 0;
    free(joined);
    return end == full ? "/" : full;
}

static void add(const struct options *options, struct list *list, const char *path)
{
    if (*path == 0)
        return;
    list->items = realloc(list->items, (list->count + 1) * sizeof *list->items);
    if (list->items == NULL)
        malformed("Out of memory.");
    list->items[list->count++] = full_path(options, path);
}

static void add_all(const struct options *options, struct list *list, const char *paths)
{
    if (paths == NULL)
        return;
    char *copy = format("%s", paths);
    for (char *rest, *path = strtok_r(copy, ":", &rest); path != NULL; path = strtok_r(NULL, ":", &rest))
        add(options, list, path);
    free(copy);
}

/* The value of `--name value` or `--name=value`; NULL when the argument is another option. */
static const char *value_of(const char *name, char ***arguments)
{
    const char *argument = **arguments;
    size_t length = strlen(name);

    if (strncmp(argument, name, length) != 0 || (argument[length] != 0 && argument[length] != '='))
        return NULL;
    const char *value = argument[length] == '=' ? argument + length + 1 : *++*arguments;
    if (value == NULL || *value == 0)
        malformed("The option %s needs a value.", name);
    return value;
}

/* A CacheMode of types.proto. */
static unsigned read_cache(const char *setting, const char *value)
{
    static const char *const modes[] = {"off", "read", "readwrite", "verify"};

    if (value == NULL)
        return 0;
    for (unsigned mode = 0; mode < sizeof modes / sizeof *modes; mode++)
        if (strcasecmp(value, modes[mode]) == 0)
            return mode + 1;
    malformed("%s is '%s', which is not off, read, readwrite or verify.", setting, value);
}

enum { PLACEMENT_RACE = 2, PLACEMENT_AUTO = 3 };

/* A Placement of door.proto. */
static unsigned read_placement(const char *setting, const char *value)
{
    static const char *const places[] = {"remote", "race", "auto"};

    if (value == NULL)
        return 0;
    for (unsigned place = 0; place < sizeof places / sizeof *places; place++)
        if (strcasecmp(value, places[place]) == 0)
            return place + 1;
    malformed("%s is '%s', which is not remote, race or auto.", setting, value);
}

static bool read_download(const char *setting, const char *value)
{
    if (value == NULL || strcasecmp(value, "all") == 0)
        return false;
    if (strcasecmp(value, "minimal") == 0)
        return true;
    malformed("%s is '%s', which is not all or minimal.", setting, value);
}

void read_options(struct options *options, char **arguments)
{
    const char *fallback = variable("REPR_FALLBACK"), *enabled = variable("REPR_ENABLED"), *value;

    *options = (struct options){
        .endpoint = variable("REPR_ENDPOINT"),
        .build_id = variable("REPR_BUILD_ID"),
        .cache = read_cache("$REPR_CACHE", variable("REPR_CACHE")),
        .placement = read_placement("$REPR_PLACEMENT", variable("REPR_PLACEMENT")),
        .minimal_download = read_download("$REPR_DOWNLOAD", variable("REPR_DOWNLOAD")),
        .fail = fallback != NULL && strcasecmp(fallback, "fail") == 0,
        .directory = getcwd(NULL, 0),
    };
    add_all(options, &options->read_roots, variable("REPR_READ_ROOTS"));
    add_all(options, &options->write_roots, variable("REPR_WRITE_ROOTS"));
    for (; *arguments != NULL && **arguments == '-'; arguments++) {
        if (strcmp(*arguments, "--") == 0) {
            arguments++;
            break;
        }
        if (strcmp(*arguments, "--help") == 0) {
            fputs(usage, stdout);
            exit(fflush(stdout) == 0 ? 0 : 1);
        }
        if ((value = value_of("--endpoint", &arguments)) != NULL)
            options->endpoint = value;
        else if ((value = value_of("--build-id", &arguments)) != NULL)
            options->build_id = value;
        else if ((value = value_of("--cache", &arguments)) != NULL)
            options->cache = read_cache("--cache", value);
        else if ((value = value_of("--placement", &arguments)) != NULL)
            options->placement = read_placement("--placement", value);
        else if ((value = value_of("--download", &arguments)) != NULL)
            options->minimal_download = read_download("--download", value);
        else if ((value = value_of("--read-root", &arguments)) != NULL)
            add(options, &options->read_roots, value);
        else if ((value = value_of("--write-root", &arguments)) != NULL)
            add(options, &options->write_roots, value);
        else if ((value = value_of("--input", &arguments)) != NULL)
            add(options, &options->inputs, value);
        else if ((value = value_of("--output", &arguments)) != NULL)
            add(options, &options->outputs, value);
        else if (strcmp(*arguments, "--no-stdin") == 0)
            options->no_stdin = true;
        else if (strcmp(*arguments, "--fail") == 0)
            options->fail = true;
        else
            malformed("There is no option '%s'.", *arguments);
    }
    if (*arguments == NULL || **arguments == 0)
        malformed("The command is missing.");
    options->command = arguments;
    if (options->fail && options->placement == PLACEMENT_AUTO)
        options->placement = PLACEMENT_RACE; /* what must not run here does not by choice */
    if (enabled != NULL && strcasecmp(enabled, "false") == 0)
        options->endpoint = NULL;
}
