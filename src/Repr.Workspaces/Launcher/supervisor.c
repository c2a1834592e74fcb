/* The supervisor of one action: takes the requests, makes the sandbox, relays until it is gone. Closing its connection kills it. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
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

/* Makes the layers in the staging directory and goes there. Init is born there too, in its own mount namespace, and uses relative
 * names: the parents of the directory need not be open to the tool's user. Returns what could not be done, NULL: all was. */
const char *make_layers(const struct action *action)
{
    static const struct {
        const char *name;
        mode_t mode;
    } layers[] = {{"upper", 0755}, {"work", 0700}, {"lower", 0755}, {"root", 0755},
                  {"upper/tmp", 01777}, {"upper/proc", 0555}, {"upper/dev", 0755}};
    uid_t uid = action->header.outside_uid;
    gid_t gid = action->header.outside_gid;

    if (chdir(action->staging) || chmod(".", 0700) || chown(".", uid, gid))
        return "enter the staging directory";
    for (unsigned i = 0; i < sizeof layers / sizeof *layers; i++)
        if ((mkdir(layers[i].name, layers[i].mode) && errno != EEXIST) || lchown(layers[i].name, uid, gid))
            return layers[i].name;
    return NULL;
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

/* Waits until the sandbox is ready, and tells it what to run. */
static void start_in_sandbox(const struct action *action)
{
    struct pollfd waiting[2] = {{.fd = action->report[0], .events = POLLIN}, {.fd = action->connection, .events = POLLRDHUP}};
    struct report report;

    while (poll(waiting, 2, -1) < 0 || (waiting[0].revents | waiting[1].revents) == 0)
        ;
    if (waiting[1].revents)
        _exit(1); /* the worker wants an end */
    if (read(action->report[0], &report, sizeof report) != (ssize_t)sizeof report) {
        errno = ECHILD;
        fail(action, "make the sandbox");
    }
    if (report.kind == FRAME_FAILED) {
        send_frame(action->connection, FRAME_FAILED, &report.failure, sizeof report.failure, -1);
        _exit(1);
    }
    send_frame(action->connection, FRAME_READY, NULL, 0, -1);
    if (pass_tool(action->connection, action->go[1])) {
        if (errno != 0)
            fail(action, "read the request");
        _exit(1); /* the worker is gone, or wants no tool; the sandbox goes with this process */
    }
}

void supervise(int connection, const char *foretold)
{
    struct action action = {.connection = connection,
                            .foretold = foretold,
                            .input = {-1, -1},
                            .output = {-1, -1},
                            .error = {-1, -1},
                            .terminal = -1,
                            .terminal_peer = -1,
                            .users = -1,
                            .mounts = -1};
    int init_fd = -1;

    if (read_sandbox(connection, &action)) {
        if (errno != 0)
            fail(&action, "read the request");
        _exit(1); /* the worker is gone, and nothing was started */
    }
    const char *undone = make_layers(&action);
    if (undone != NULL)
        fail(&action, undone);
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
    /* Now: when init hides itself, they can't be opened any more. Holding the mounts, the last process of a sandbox ends without
     * taking them down, which takes longer than a small tool: that is done when the end has been told. */
    action.mounts = open_namespace(&action, init, "mnt");
    if (action.header.flags & FLAG_RESIDENT)
        action.users = open_namespace(&action, init, "user");
    map_identity(&action, init);
    start_in_sandbox(&action);
    relay_all(&action, init, init_fd);
    drop_world(&action); /* it is in the mount namespace too */
    close(action.mounts); /* at the exit itself the kernel would put it off, by some ticks of its clock */
    _exit(0);
}
