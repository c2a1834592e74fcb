/* Init, PID 1 of a sandbox: it is born in new namespaces with all capabilities over them, and ends with none. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
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

static int report_fd;

static void tell(const struct report *report)
{
    if (write(report_fd, report, sizeof *report) != (ssize_t)sizeof *report)
        _exit(1);
}

static void fail(enum failure_kind kind, const char *step)
{
    struct report report = {.kind = FRAME_FAILED, .failure = {.kind = kind, .error = errno}};

    snprintf(report.failure.step, sizeof report.failure.step, "%s", step);
    tell(&report);
    _exit(1);
}

static void check(int result, const char *step)
{
    if (result < 0)
        fail(FAILURE_SETUP, step);
}

/* Takes the identity that the tool will have. Keeps all capabilities: before, this process was nobody inside the namespace. */
static void take_identity(const struct action *action)
{
    const struct request_header *header = &action->header;

    if (geteuid() != header->inside_uid)
        setgroups(0, NULL); /* an ordinary user may not, and has only his own */
    check(setresgid(header->inside_gid, header->inside_gid, header->inside_gid), "set the group");
    check(setresuid(header->inside_uid, header->inside_uid, header->inside_uid), "set the user");
    /* A change of identity clears this, so it comes now; the supervisor may have died before. */
    check(prctl(PR_SET_PDEATHSIG, SIGKILL), "bind to the supervisor");
    struct pollfd supervisor = {.fd = action->go[0], .events = 0};
    if (poll(&supervisor, 1, 0) > 0)
        _exit(1);
}

static void mount_lower(const struct action *action, int fuse_fd)
{
    char options[160];

    snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=%u,group_id=%u,allow_other,default_permissions", fuse_fd,
             action->header.inside_uid, action->header.inside_gid);
    check(mount("repr", "lower", "fuse", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOATIME, options), "mount fuse");
    /* Only now: a read from /dev/fuse before the mount is an error. */
    check(send_frame(action->connection, FRAME_FUSE, NULL, 0, fuse_fd), "hand over /dev/fuse");
    close(fuse_fd);
}

static void make_dev(void)
{
    static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
    static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                           {"/proc/self/fd/0", "dev/stdin"},
                                           {"/proc/self/fd/1", "dev/stdout"},
                                           {"/proc/self/fd/2", "dev/stderr"},
                                           {"pts/ptmx", "dev/ptmx"}};
    char from[32], to[32];

    check(mount("dev", "dev", "tmpfs", MS_NOSUID, "mode=755"), "mount /dev");
    for (unsigned i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        snprintf(from, sizeof from, "/dev/%s", nodes[i]);
        snprintf(to, sizeof to, "dev/%s", nodes[i]);
        int node = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
        check(node, to);
        close(node);
        check(mount(from, to, NULL, MS_BIND, NULL), to);
    }
    for (unsigned i = 0; i < sizeof links / sizeof *links; i++)
        check(symlink(links[i][0], links[i][1]), links[i][1]);
    check(mkdir("dev/shm", 01777), "make /dev/shm");
    check(mkdir("dev/pts", 0755), "make /dev/pts");
    check(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"), "mount /dev/pts");
}

/* Shows paths of this machine at their places, which the lower layer has made; whoever the tool is outside decides what it can read. */
static void mount_system(const struct action *action)
{
    struct {
        uint64_t set, clear, propagation, userns; /* struct mount_attr of <linux/mount.h>, which old headers lack */
    } read_only = {.set = 1 /* RDONLY */ | 2 /* NOSUID */ | 4 /* NODEV */};

    for (char **path = action->system; *path != NULL; path++) {
        check(mount(*path, *path + 1, NULL, MS_BIND | MS_REC, NULL), *path);
        check((int)syscall(SYS_mount_setattr, AT_FDCWD, *path + 1, AT_RECURSIVE, &read_only, sizeof read_only), *path);
    }
}

/* From here on the file system is: the lower layer, the tool's writes above it, and the sandbox's own /proc and /dev. */
static void make_root(const struct action *action)
{
    /* userxattr: the only form that a user namespace may use. volatile: nothing is kept past this action, so nothing is synced. */
    check(mount("repr", "root", "overlay", MS_NOSUID | MS_NODEV | MS_NOATIME,
                "lowerdir=lower,upperdir=upper,workdir=work,userxattr,volatile,xino=off"),
          "mount overlay");
    check(chdir("root"), "enter the overlay");
    mount_system(action);
    check(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount /proc");
    make_dev();
    check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", MNT_DETACH), "detach the old root");
    check(chdir("/"), "enter the root");
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
        fail(FAILURE_SETUP, "start a process");
    if (error != 0) {
        errno = error;
        /* The kernel says "not found" also for a program whose interpreter (ld.so, or that of a #! line) is missing. */
        int is_there = error == ENOENT && access(action->program, F_OK) == 0;
        errno = error;
        fail(is_there ? FAILURE_INTERPRETER : FAILURE_PROGRAM, "exec");
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

    report_fd = action->report[1];
    close(action->go[1]);
    if (action->input[1] >= 0)
        close(action->input[1]); /* else the tool's input would never end */
    if (action->terminal >= 0)
        close(action->terminal);
    if (read(action->go[0], &byte, 1) != 1) /* the identity maps are written */
        _exit(1);

    int fuse_fd = -1;
    if (action->header.flags & FLAG_FUSE) {
        /* In this user namespace, as the kernel demands, but still as the launcher's user, who may open it. */
        fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
        check(fuse_fd, "open /dev/fuse");
    }
    take_identity(action);
    check(sethostname("repr", 4), "set the host name");
    check(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
    if (fuse_fd >= 0)
        mount_lower(action, fuse_fd);
    close(action->connection);
    make_root(action);
    check(dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0), "open /dev/null");
    bring_up_loopback();
    drop_privileges();
    if (chdir(action->cwd))
        fail(FAILURE_CWD, "chdir");
    umask(action->header.umask);
    signal(SIGPIPE, SIG_DFL);

    sigset_t awaited, before;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGNAL_RELAY);
    sigprocmask(SIG_BLOCK, &awaited, &before);

    pid_t tool = start_tool(action, &before);
    if (action->input[0] >= 0)
        close(action->input[0]); /* else nobody would learn that the tool has closed it */
    struct report report = {.kind = FRAME_STARTED};
    tell(&report);
    report = (struct report){.kind = FRAME_EXITED, .wait_status = await_tool(tool, &awaited)};
    tell(&report);
    _exit(0); /* the kernel kills whatever is left in the PID namespace */
}
