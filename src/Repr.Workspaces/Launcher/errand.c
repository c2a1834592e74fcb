/*
 * What helpers do in the sandbox of a resident tool, which serves one action after the other: they show it the world of the next
 * one, and connect to it. A helper is forked by the supervisor, outside the sandbox and invisible in there, and lives for one errand.
 */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* From <linux/mount.h>, which old headers lack and new ones define beside <sys/mount.h>. */
#define TREE_CLONE 1u
#define TREE_CLOEXEC O_CLOEXEC
#define TREE_RECURSIVE 0x8000u
#define MOVE_FROM_DESCRIPTOR 4u

static int clone_tree(const char *path, unsigned flags)
{
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, TREE_CLONE | TREE_CLOEXEC | flags);

    check(tree, path);
    return tree;
}

static void attach_tree(int tree, const char *path)
{
    check((int)syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_FROM_DESCRIPTOR), path);
    close(tree);
}

/* Forks a helper. Returns 0 in it; in the supervisor the descriptor on which the helper tells what went wrong. */
static pid_t fork_helper(int *report)
{
    int ends[2];
    pid_t supervisor = getpid(), helper = pipe2(ends, O_CLOEXEC) ? -1 : fork();

    if (helper < 0) {
        *report = -1;
        return -1;
    }
    if (helper > 0) {
        close(ends[1]);
        *report = ends[0];
        return helper;
    }
    report_to(ends[1]);
    check(prctl(PR_SET_PDEATHSIG, SIGKILL), "bind to the supervisor");
    if (getppid() != supervisor)
        _exit(1);
    return 0;
}

/* Waits for the helper. Returns what went wrong; an error of 0: nothing. */
static struct failure await_helper(pid_t helper, int report)
{
    struct report said = {.failure = {.kind = FAILURE_SETUP, .error = errno, .step = "start a process"}};
    int status;

    if (helper < 0)
        return said.failure;
    ssize_t got;
    do
        got = read(report, &said, sizeof said);
    while (got < 0 && errno == EINTR);
    close(report);
    while (waitpid(helper, &status, 0) < 0 && errno == EINTR)
        ;
    if (got != (ssize_t)sizeof said)
        said.failure = (struct failure){.error = status == 0 ? 0 : ECHILD, .step = "helper"};
    return said.failure;
}

/*
 * Lists directories of the lower layer: with a listing the file server tells the kernel all about the entries, which it then need not ask
 * for one by one. What can't be opened is an error: the file server takes the first who opens such a directory for this.
 */
static void learn_entries(const char *known, const char *end)
{
    static char entries[1 << 20]; /* as much as the file server may answer with at a time */
    char path[PATH_MAX];

    for (; known < end; known += strlen(known) + 1) {
        check(snprintf(path, sizeof path, "lower%s", known) < (int)sizeof path ? 0 : -1, known);
        int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        check(directory, known);
        long got;
        while ((got = syscall(SYS_getdents64, directory, entries, sizeof entries)) > 0)
            ;
        check((int)got, known);
        close(directory);
    }
}

/* Builds the new world in a mount namespace of its own, where this machine's files are seen, and carries it over. */
static void build_world(struct action *action, const char *staging, const char *known, const char *end)
{
    action->staging = staging;
    make_layers(action);
    check(setns(action->users, CLONE_NEWUSER), "enter the user namespace");
    int fuse_fd = open_fuse(action);
    become_tool_user(action);
    check(prctl(PR_SET_PDEATHSIG, SIGKILL), "bind to the supervisor"); /* a change of identity clears it */
    check(unshare(CLONE_NEWNS), "make a mount namespace");
    check(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
    mount_lower(action, fuse_fd); /* still in the staging directory, whose parents the tool's user can't enter */
    learn_entries(known, end);
    mount_root(action);
    int world = clone_tree(".", TREE_RECURSIVE);

    check(setns(action->mounts, CLONE_NEWNS), "enter the mount namespace");
    int processes = clone_tree("/proc", 0), door = clone_tree("/" RESIDENT_SOCKET, 0);
    attach_tree(world, "/dev"); /* any directory will do, and that one is always there */
    check(chdir("/dev"), "enter the new root");
    attach_tree(processes, "proc");
    int place = open(RESIDENT_SOCKET, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    check(place, "make a place for the socket");
    close(place);
    attach_tree(door, RESIDENT_SOCKET);
    enter_root();
}

/* Makes a new world the root of the resident tool; what it has open or mapped of the old one stays good. */
void enter_world(struct action *action, const char *staging, const char *known, const char *end)
{
    int report;
    pid_t helper = fork_helper(&report);

    if (helper == 0) {
        build_world(action, staging, known, end);
        _exit(0);
    }
    struct failure failure = await_helper(helper, report);
    send_frame(action->connection, FRAME_ENTERED, &failure, sizeof failure, -1);
}

static void connect_and_send(struct action *action)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/" RESIDENT_SOCKET};
    struct failure done = {0};
    int connected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    check(connected, "make a socket");
    check(setns(action->users, CLONE_NEWUSER), "enter the user namespace");
    become_tool_user(action); /* the tool may ask who connects */
    check(setns(action->mounts, CLONE_NEWNS), "enter the mount namespace");
    check(connect(connected, (struct sockaddr *)&address, sizeof address), "connect to the tool");
    check(send_frame(action->connection, FRAME_CONNECTED, &done, sizeof done, connected), "hand over the connection");
}

/* Connects to the socket on which the resident tool listens. */
void connect_to_tool(struct action *action)
{
    int report;
    pid_t helper = fork_helper(&report);

    if (helper == 0) {
        connect_and_send(action);
        _exit(0);
    }
    struct failure failure = await_helper(helper, report);
    if (failure.error != 0) /* else the helper has answered */
        send_frame(action->connection, FRAME_CONNECTED, &failure, sizeof failure, -1);
}
