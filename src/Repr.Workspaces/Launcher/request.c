/* The two requests: what the sandbox is to be, and what is to run in it. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_exactly(int from, void *buffer, size_t length)
{
    for (char *at = buffer; length > 0;) {
        ssize_t got = read(from, at, length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = 0;
            return -1;
        }
        at += got;
        length -= (size_t)got;
    }
    return 0;
}

static int write_exactly(int to, const void *buffer, size_t length)
{
    for (const char *at = buffer; length > 0;) {
        ssize_t put = write(to, at, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        at += put;
        length -= (size_t)put;
    }
    return 0;
}

/* Reads one request of at least a header's length. */
static char *read_message(int from, size_t header, uint32_t *length)
{
    if (read_exactly(from, length, sizeof *length))
        return NULL;
    char *message = *length >= header && *length <= REQUEST_MAXIMUM ? malloc(*length) : NULL;
    if (message == NULL) {
        errno = EMSGSIZE;
        return NULL;
    }
    return read_exactly(from, message, *length) ? NULL : message;
}

/* Cuts strings from a request. Returns -1 when there are not as many. */
static int cut_strings(char **at, const char *end, char **strings, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t length = strnlen(*at, (size_t)(end - *at));
        if (*at + length >= end) {
            errno = EBADMSG;
            return -1;
        }
        strings[i] = *at;
        *at += length + 1;
    }
    return 0;
}

int read_sandbox(int from, struct action *action)
{
    uint32_t length;
    char *message = read_message(from, sizeof action->header, &length);

    if (message == NULL)
        return -1;
    memcpy(&action->header, message, sizeof action->header);
    uint32_t system = action->header.system_count;
    char *at = message + sizeof action->header, *end = message + length, *staging;
    action->system = action->header.magic == SANDBOX_MAGIC && system <= length ? calloc((size_t)system + 1, sizeof(char *)) : NULL;
    if (action->system == NULL) {
        errno = EBADMSG;
        return -1;
    }
    if (cut_strings(&at, end, &staging, 1) || cut_strings(&at, end, action->system, system))
        return -1;
    action->staging = staging;
    return 0;
}

int read_tool(int from, struct action *action)
{
    uint32_t length;
    char *message = read_message(from, sizeof action->tool, &length);

    if (message == NULL)
        return -1;
    memcpy(&action->tool, message, sizeof action->tool);
    uint32_t arguments = action->tool.argument_count, environment = action->tool.environment_count;
    char *at = message + sizeof action->tool, *end = message + length, *first[2];
    int is_tool = action->tool.magic == TOOL_MAGIC && arguments > 0 && arguments <= length && environment <= length;
    action->arguments = is_tool ? calloc((size_t)arguments + environment + 2, sizeof(char *)) : NULL;
    if (action->arguments == NULL) {
        errno = EBADMSG;
        return -1;
    }
    action->environment = action->arguments + arguments + 1;
    if (cut_strings(&at, end, first, 2) || cut_strings(&at, end, action->arguments, arguments) ||
        cut_strings(&at, end, action->environment, environment))
        return -1;
    action->cwd = first[0];
    action->program = first[1];
    return 0;
}

/* Passes the tool's request on as it is. */
int pass_tool(int from, int to)
{
    uint32_t length;
    char *message = read_message(from, sizeof(struct tool_header), &length);

    if (message == NULL)
        return -1;
    int result = write_exactly(to, &length, sizeof length) || write_exactly(to, message, length) ? -1 : 0;
    free(message);
    return result;
}
