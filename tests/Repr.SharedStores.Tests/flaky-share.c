/* Preloaded: a file server that loses handles and answers. Files below $REPR_TEST_FLAKY alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int calls, renames;

static int is_flaky(const char *path)
{
    const char *share = getenv("REPR_TEST_FLAKY");

    return share != NULL && strncmp(path, share, strlen(share)) == 0 && (strstr(path, "/blobs/") != NULL || strstr(path, "/incoming/") != NULL);
}

static int opens(const char *name, const char *path, int flags, int mode)
{
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);

    if (is_flaky(path) && (flags & O_DIRECTORY) == 0 && __sync_fetch_and_add(&calls, 1) % 2 == 0) {
        errno = ESTALE;
        return -1;
    }
    return real(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    int mode = va_arg(list, int);
    va_end(list);
    return opens("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    int mode = va_arg(list, int);
    va_end(list);
    return opens("open64", path, flags, mode);
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    int result = real(from, to);

    if (result == 0 && is_flaky(to)) {
        char mark[4096];
        snprintf(mark, sizeof mark, "%s/../renamed.%d", getenv("REPR_TEST_FLAKY"), __sync_fetch_and_add(&renames, 1));
        FILE *file = fopen(mark, "w");
        if (file != NULL)
            fclose(file);
        errno = EIO;
        return -1;
    }
    return result;
}
