/* How a process without a connection of its own says what went wrong, and the identity that it takes. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <unistd.h>

static int report_fd;

/* Where this process tells. */
void report_to(int descriptor)
{
    report_fd = descriptor;
}

void tell(const struct report *report)
{
    if (write(report_fd, report, sizeof *report) != (ssize_t)sizeof *report)
        _exit(1);
}

void fail_as(enum failure_kind kind, const char *step)
{
    struct report report = {.kind = FRAME_FAILED, .failure = {.kind = kind, .error = errno}};

    snprintf(report.failure.step, sizeof report.failure.step, "%s", step);
    tell(&report);
    _exit(1);
}

void check(int result, const char *step)
{
    if (result < 0)
        fail_as(FAILURE_SETUP, step);
}

/* Takes the identity of the tool. Keeps all capabilities: before, this process was nobody inside the namespace. */
void become_tool_user(const struct action *action)
{
    const struct sandbox_header *header = &action->header;

    if (geteuid() != header->inside_uid)
        setgroups(0, NULL); /* an ordinary user may not, and has only his own */
    check(setresgid(header->inside_gid, header->inside_gid, header->inside_gid), "set the group");
    check(setresuid(header->inside_uid, header->inside_uid, header->inside_uid), "set the user");
}
