/* The file system that a tool sees: a lower layer, its writes above it, and the sandbox's own /proc and /dev. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In the sandbox's user namespace, as the kernel demands, but still as the launcher's user, who may open it. -1: none is needed. */
int open_fuse(const struct action *action)
{
    if (!(action->header.flags & FLAG_FUSE))
        return -1;
    int fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    check(fuse_fd, "open /dev/fuse");
    return fuse_fd;
}

/* As open_fuse: the way there is open to the launcher's user alone. */
int open_foretold(const struct action *action)
{
    char path[PATH_MAX];

    if (action->header.foretold == 0)
        return -1;
    errno = ENOENT;
    check(action->foretold == NULL ? -1 : 0, "find what is foretold");
    snprintf(path, sizeof path, "%s/%u", action->foretold, action->header.foretold);
    int foretold = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    check(foretold, "open what is foretold");
    return foretold;
}

void mount_lower(const struct action *action, int fuse_fd)
{
    char options[160];

    if (fuse_fd < 0)
        return;
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

/* Mounts the layers and /dev at "root", and goes there. What is foretold is asked first: names that are not in it are looked for below. */
void mount_root(const struct action *action, int foretold)
{
    char options[160], above[40] = "";

    if (foretold >= 0)
        snprintf(above, sizeof above, "/proc/self/fd/%d:", foretold);
    snprintf(options, sizeof options, "lowerdir=%slower,upperdir=upper,workdir=work,userxattr,volatile,xino=off", above);
    /* userxattr: the only form that a user namespace may use. volatile: nothing is kept past this action, so nothing is synced. */
    check(mount("repr", "root", "overlay", MS_NOSUID | MS_NODEV | MS_NOATIME, options), "mount overlay");
    if (foretold >= 0)
        close(foretold);
    check(chdir("root"), "enter the overlay");
    mount_system(action);
    make_dev();
}

/* Makes the working directory the root of all processes of this mount namespace whose root is the old one, which goes away. */
void enter_root(void)
{
    check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", MNT_DETACH), "detach the old root");
    check(chdir("/"), "enter the root");
}
