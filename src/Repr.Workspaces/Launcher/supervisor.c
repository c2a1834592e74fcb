/* The supervisor of one action: takes the request, makes the sandbox, relays until it is gone. Closing its connection kills it. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

/* Sends one whole frame. Returns -1 when the other side is gone. */
int send_frame(int connection, enum frame_kind kind, const void *data, uint32_t length, int descriptor)
{
    struct frame_header header = {kind, length};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)data, length}};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    if (descriptor >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &descriptor, sizeof(int));
    }
    while (message.msg_iovlen > 0) {
        ssize_t sent = sendmsg(connection, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -1;
        message.msg_control = NULL;
        message.msg_controllen = 0;
        while (message.msg_iovlen > 0 && (size_t)sent >= message.msg_iov->iov_len) {
            sent -= (ssize_t)message.msg_iov->iov_len;
            message.msg_iov++;
            message.msg_iovlen--;
        }
        if (message.msg_iovlen > 0) {
            message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + sent;
            message.msg_iov->iov_len -= (size_t)sent;
        }
    }
    return 0;
}

static void fail(const struct action *action, const char *step)
{
    struct failure failure = {.kind = FAILURE_SETUP, .error = errno};

    snprintf(failure.step, sizeof failure.step, "%s", step);
    send_frame(action->connection, FRAME_FAILED, &failure, sizeof failure, -1);
    _exit(1);
}

static void read_exactly(int connection, void *buffer, size_t length)
{
    for (char *at = buffer; length > 0;) {
        ssize_t got = read(connection, at, length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            _exit(1); /* the worker is gone, and nothing was started */
        at += got;
        length -= (size_t)got;
    }
}

/* Cuts the next string from the request. */
static char *next_string(const struct action *action, char **at, char *end)
{
    char *string = *at;
    size_t length = strnlen(string, (size_t)(end - string));

    if (string + length >= end) {
        errno = EBADMSG;
        fail(action, "read the request");
    }
    *at = string + length + 1;
    return string;
}

static void read_request(struct action *action)
{
    uint32_t length;

    read_exactly(action->connection, &length, sizeof length);
    char *request = length >= sizeof action->header && length <= REQUEST_MAXIMUM ? malloc(length) : NULL;
    if (request == NULL) {
        errno = EMSGSIZE;
        fail(action, "read the request");
    }
    read_exactly(action->connection, request, length);
    memcpy(&action->header, request, sizeof action->header);
    char *at = request + sizeof action->header, *end = request + length;
    uint32_t arguments = action->header.argument_count, environment = action->header.environment_count, system = action->header.system_count;
    if (action->header.magic != REQUEST_MAGIC || arguments == 0 || arguments > length || environment > length || system > length) {
        errno = EBADMSG;
        fail(action, "read the request");
    }
    action->staging = next_string(action, &at, end);
    action->cwd = next_string(action, &at, end);
    action->program = next_string(action, &at, end);
    char **strings = calloc((size_t)arguments + environment + system + 3, sizeof *strings);
    if (strings == NULL)
        fail(action, "read the request");
    action->arguments = strings;
    action->environment = strings + arguments + 1;
    action->system = action->environment + environment + 1;
    for (uint32_t i = 0; i < arguments; i++)
        action->arguments[i] = next_string(action, &at, end);
    for (uint32_t i = 0; i < environment; i++)
        action->environment[i] = next_string(action, &at, end);
    for (uint32_t i = 0; i < system; i++)
        action->system[i] = next_string(action, &at, end);
}

/* Makes the layers in the staging directory and goes there. Init is born there too, in its own mount namespace, and uses relative
 * names: the parents of the directory need not be open to the tool's user. */
void make_layers(const struct action *action)
{
    static const struct {
        const char *name;
        mode_t mode;
    } layers[] = {{"upper", 0755}, {"work", 0700}, {"lower", 0755}, {"root", 0755},
                  {"upper/tmp", 01777}, {"upper/proc", 0555}, {"upper/dev", 0755}};
    uid_t uid = action->header.outside_uid;
    gid_t gid = action->header.outside_gid;

    if (chdir(action->staging) || chmod(".", 0700) || chown(".", uid, gid))
        fail(action, "enter the staging directory");
    for (unsigned i = 0; i < sizeof layers / sizeof *layers; i++)
        if ((mkdir(layers[i].name, layers[i].mode) && errno != EEXIST) || lchown(layers[i].name, uid, gid))
            fail(action, layers[i].name);
}

static void write_map(const struct action *action, pid_t init, const char *map, const char *text)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", init, map);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, text, strlen(text)) < 0)
        fail(action, map);
    close(file);
}

/* Makes init known by one user and one group, and lets it go on. */
static void map_identity(const struct action *action, pid_t init)
{
    char text[64];

    if (geteuid() != 0)
        write_map(action, init, "setgroups", "deny");
    snprintf(text, sizeof text, "%u %u 1", action->header.inside_gid, action->header.outside_gid);
    write_map(action, init, "gid_map", text);
    snprintf(text, sizeof text, "%u %u 1", action->header.inside_uid, action->header.outside_uid);
    write_map(action, init, "uid_map", text);
    if (write(action->go[1], "", 1) != 1)
        fail(action, "start the sandbox");
}

/* Makes the terminal. Only one that is also the tool's input processes what passes it. */
static void make_terminal(struct action *action)
{
    struct winsize size = {.ws_row = (unsigned short)action->header.rows, .ws_col = (unsigned short)action->header.columns};
    struct termios mode;

    action->terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (action->terminal < 0 || unlockpt(action->terminal))
        fail(action, "make a terminal");
    action->terminal_peer = ioctl(action->terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (action->terminal_peer < 0 || ioctl(action->terminal, TIOCSWINSZ, &size) || tcgetattr(action->terminal_peer, &mode) ||
        fchown(action->terminal_peer, action->header.outside_uid, (gid_t)-1))
        fail(action, "set up the terminal");
    if (!(action->header.flags & FLAG_TERMINAL_IN)) {
        mode.c_oflag &= ~(tcflag_t)OPOST;
        if (tcsetattr(action->terminal_peer, TCSANOW, &mode))
            fail(action, "set up the terminal");
    }
}

/* Makes what the tool's standard streams will be. */
static void make_streams(struct action *action)
{
    uint32_t flags = action->header.flags;

    if (flags & FLAG_TERMINAL)
        make_terminal(action);
    if ((flags & FLAG_INPUT) && !(flags & FLAG_TERMINAL_IN)) {
        if (pipe2(action->input, O_CLOEXEC) || fcntl(action->input[1], F_SETFL, O_NONBLOCK))
            fail(action, "make pipes");
    }
    if ((!(flags & FLAG_TERMINAL_OUT) && pipe2(action->output, O_CLOEXEC)) ||
        (!(flags & FLAG_TERMINAL_ERROR) && pipe2(action->error, O_CLOEXEC)) || pipe2(action->report, O_CLOEXEC) ||
        pipe2(action->go, O_CLOEXEC))
        fail(action, "make pipes");
}

static void close_if_open(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}

static int open_namespace(const struct action *action, pid_t init, const char *kind)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/ns/%s", init, kind);
    int namespace = open(path, O_RDONLY | O_CLOEXEC);
    if (namespace < 0)
        fail(action, path);
    return namespace;
}

void supervise(int connection)
{
    struct action action = {.connection = connection,
                            .input = {-1, -1},
                            .output = {-1, -1},
                            .error = {-1, -1},
                            .terminal = -1,
                            .terminal_peer = -1,
                            .users = -1,
                            .mounts = -1};
    int init_fd = -1;

    read_request(&action);
    make_layers(&action);
    make_streams(&action);

    struct clone_args arguments = {
        .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&init_fd,
        .exit_signal = SIGCHLD,
    };
    pid_t init = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (init < 0)
        fail(&action, "make namespaces");
    if (init == 0)
        run_init(&action);
    close_if_open(action.input[0]);
    close_if_open(action.output[1]);
    close_if_open(action.error[1]);
    close_if_open(action.terminal_peer);
    close(action.report[1]);
    close(action.go[0]);
    if (action.header.flags & FLAG_RESIDENT) {
        /* Now: when init hides itself, they can't be opened any more. */
        action.users = open_namespace(&action, init, "user");
        action.mounts = open_namespace(&action, init, "mnt");
    }
    map_identity(&action, init);
    relay_all(&action, init, init_fd);
    _exit(0);
}
