/* Init, PID 1 of a sandbox: it is born in new namespaces with all capabilities over them, and ends with none. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A change of identity clears this, so it comes after that; the supervisor may have died before. */
static void bind_to_supervisor(const struct action *action)
{
    struct pollfd supervisor = {.fd = action->go[0], .events = 0};

    check(prctl(PR_SET_PDEATHSIG, SIGKILL), "bind to the supervisor");
    if (poll(&supervisor, 1, 0) > 0)
        _exit(1);
}

static void bring_up_loopback(void)
{
    struct ifreq interface = {.ifr_flags = IFF_UP, .ifr_name = "lo"};
    int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (any >= 0) { /* a kernel without IPv4 has no loopback to bring up */
        check(ioctl(any, SIOCSIFFLAGS, &interface), "bring up the loopback");
        close(any);
    }
}

static void drop_privileges(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    /* Without this, a tool that believes to be root would get all capabilities of the namespace at exec. */
    check(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
                                       SECBIT_KEEP_CAPS_LOCKED),
          "lock the secure bits");
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
        check(prctl(PR_CAPBSET_DROP, capability), "drop the bounding set");
    check((int)syscall(SYS_capset, &header, none), "drop the capabilities");
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
    check(prctl(PR_SET_DUMPABLE, 0), "hide init"); /* its descriptors are not for the tool */
    check(install_seccomp(), "install the system call filter");
}

/* What the descriptor of one of the tool's standard streams is made from. */
static int stream_of(const struct action *action, uint32_t terminal_flag, int pipe_end)
{
    return (action->header.flags & terminal_flag) ? action->terminal_peer : pipe_end;
}

/* Starts the tool; returns after its exec, which vfork makes known. */
static pid_t start_tool(const struct action *action, const sigset_t *mask)
{
    volatile int error = 0;
    int input = stream_of(action, FLAG_TERMINAL_IN, action->input[0]);
    pid_t tool = vfork();

    if (tool == 0) {
        setsid();
        if (action->header.flags & FLAG_TERMINAL_IN)
            ioctl(input, TIOCSCTTY, 0);
        if (input >= 0)
            dup2(input, 0);
        dup2(stream_of(action, FLAG_TERMINAL_OUT, action->output[1]), 1);
        dup2(stream_of(action, FLAG_TERMINAL_ERROR, action->error[1]), 2);
        sigprocmask(SIG_SETMASK, mask, NULL);
        execve(action->program, action->arguments, action->environment);
        error = errno;
        _exit(127);
    }
    if (tool < 0)
        fail_as(FAILURE_SETUP, "start a process");
    if (error != 0) {
        errno = error;
        /* The kernel says "not found" also for a program whose interpreter (ld.so, or that of a #! line) is missing. */
        int is_there = error == ENOENT && access(action->program, F_OK) == 0;
        errno = error;
        fail_as(is_there ? FAILURE_INTERPRETER : FAILURE_PROGRAM, "exec");
    }
    return tool;
}

/* Waits for the tool, reaps what it leaves, and passes signals on to it. */
static int await_tool(pid_t tool, const sigset_t *awaited)
{
    for (;;) {
        siginfo_t info;
        int status, number = sigwaitinfo(awaited, &info);

        if (number == SIGNAL_RELAY)
            kill(-tool, info.si_value.sival_int);
        for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;)
            if (ended == tool)
                return status;
    }
}

void run_init(struct action *action)
{
    char byte;

    report_to(action->report[1]);
    close(action->go[1]);
    if (action->input[1] >= 0)
        close(action->input[1]); /* else the tool's input would never end */
    if (action->terminal >= 0)
        close(action->terminal);
    if (read(action->go[0], &byte, 1) != 1) /* the identity maps are written */
        _exit(1);

    int fuse_fd = open_fuse(action);
    int foretold = open_foretold(action);
    become_tool_user(action);
    bind_to_supervisor(action);
    check(sethostname("repr", 4), "set the host name");
    check(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
    mount_lower(action, fuse_fd);
    close(action->connection);
    mount_root(action, foretold);
    check(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount /proc");
    enter_root();
    check(dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0), "open /dev/null");
    bring_up_loopback();
    drop_privileges();

    struct report report = {.kind = FRAME_READY};
    tell(&report);
    if (read_tool(action->go[0], action)) {
        if (errno != 0)
            fail_as(FAILURE_SETUP, "read the request");
        _exit(1);
    }
    if (chdir(action->cwd))
        fail_as(FAILURE_CWD, "chdir");
    umask(action->tool.umask);
    signal(SIGPIPE, SIG_DFL);

    sigset_t awaited, before;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGNAL_RELAY);
    sigprocmask(SIG_BLOCK, &awaited, &before);

    pid_t tool = start_tool(action, &before);
    if (action->input[0] >= 0)
        close(action->input[0]); /* else nobody would learn that the tool has closed it */
    report = (struct report){.kind = FRAME_STARTED};
    tell(&report);
    report = (struct report){.kind = FRAME_EXITED, .wait_status = await_tool(tool, &awaited)};
    tell(&report);
    _exit(0); /* the kernel kills whatever is left in the PID namespace */
}
