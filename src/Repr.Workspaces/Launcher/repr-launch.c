/* The launcher: usage `repr-launch SOCKET`, the socket alone in a directory of its own, where FORETOLD is mounted beside it. Lives until its
 * standard input is closed, which the worker's death does; then it removes all of it. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "repr-launch: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* What the worker set up for itself must not reach the tools. */
static void forget_inherited_state(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    close_range(3, ~0u, 0);
    umask(0);
}

/* The limits of an ordinary login; the hard limit is never raised, so that this works for an ordinary user too. */
static void limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit now;

    if (getrlimit(resource, &now))
        die("getrlimit");
    now.rlim_max = hard < now.rlim_max ? hard : now.rlim_max;
    now.rlim_cur = soft < now.rlim_max ? soft : now.rlim_max;
    if (setrlimit(resource, &now))
        die("setrlimit");
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        die(path);
    }
    strcpy(address.sun_path, path);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, SOMAXCONN))
        die(path);
    return listener;
}

/* Makes the file system of FORETOLD. Returns where it is; NULL: it can't be made, and the worker, who finds nothing there, does without. */
static const char *mount_foretold(const char *directory)
{
    static char path[PATH_MAX], whiteout[PATH_MAX + sizeof WHITEOUT];

    snprintf(path, sizeof path, "%s/" FORETOLD, directory);
    snprintf(whiteout, sizeof whiteout, "%s/" WHITEOUT, path);
    if (mkdir(path, 0700))
        return NULL;
    if (mount("foretold", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOATIME, "mode=700,size=25%") == 0) {
        if (mknod(whiteout, S_IFCHR, 0) == 0)
            return path;
        umount2(path, MNT_DETACH);
    }
    rmdir(path);
    return NULL;
}

int main(int count, char **arguments)
{
    pid_t self = getpid();
    const char *foretold = NULL;

    if (count != 2) {
        fprintf(stderr, "usage: repr-launch SOCKET\n");
        return 2;
    }
    char *copy = strdup(arguments[1]); /* dirname may change it */
    if (copy == NULL)
        die("strdup");
    const char *directory = dirname(copy);
    forget_inherited_state();
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_NOFILE, 1024, 524288);
    limit(RLIMIT_STACK, 8 << 20, RLIM_INFINITY);
    limit(RLIMIT_NPROC, 16384, 16384);
    if (geteuid() == 0) {
        if (setgroups(0, NULL))
            die("setgroups");
        /* Nothing that is mounted on this machine later can come between. */
        if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
            die("unshare");
        foretold = mount_foretold(directory);
    }
    int listener = listen_at(arguments[1]);
    signal(SIGCHLD, SIG_IGN); /* supervisors leave no zombies */
    if (write(1, "\n", 1) != 1) /* ready */
        die("stdout");

    for (;;) {
        struct pollfd waiting[2] = {{.fd = 0, .events = POLLIN}, {.fd = listener, .events = POLLIN}};

        if (poll(waiting, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            die("poll");
        }
        if (waiting[0].revents) {
            /* The worker may have been killed: leave nothing of it behind. */
            unlink(arguments[1]);
            if (foretold != NULL) {
                umount2(foretold, MNT_DETACH);
                rmdir(foretold);
            }
            rmdir(directory);
            return 0;
        }
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0)
            continue;
        pid_t child = fork();
        if (child == 0) {
            close(listener);
            signal(SIGCHLD, SIG_DFL);
            signal(SIGPIPE, SIG_IGN);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != self)
                _exit(1);
            supervise(connection, foretold);
        }
        if (child < 0) {
            struct failure failure = {.kind = FAILURE_SETUP, .error = errno, .step = "start a process"};
            send_frame(connection, FRAME_FAILED, &failure, sizeof failure, -1);
        }
        close(connection);
    }
}
