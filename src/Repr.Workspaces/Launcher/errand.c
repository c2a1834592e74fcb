/*
 * What helpers do in the sandbox of a resident tool, which serves one action after the other: they make the world of the next one, show
 * it, and connect to the tool. A helper is forked by the supervisor, outside the sandbox and invisible in there, and lives for one errand:
 * that of the next world begins while nothing runs in the one before.
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

/* Forks a helper that waits for a word if it has one to wait for. Returns 0 in the helper, which then has the other ends, else its process or -1. */
static pid_t fork_helper(struct helper *helper, int waits)
{
    int report[2], go[2] = {-1, -1};
    pid_t supervisor = getpid();

    *helper = (struct helper){.process = -1, .report = -1, .go = -1};
    if (pipe2(report, O_CLOEXEC))
        return -1;
    if ((waits && pipe2(go, O_CLOEXEC)) || (helper->process = fork()) < 0) {
        int error = errno;
        close(report[0]);
        close(report[1]);
        if (go[0] >= 0) {
            close(go[0]);
            close(go[1]);
        }
        errno = error;
        return -1;
    }
    if (helper->process > 0) {
        close(report[1]);
        helper->report = report[0];
        if (waits) {
            close(go[0]);
            helper->go = go[1];
        }
        return helper->process;
    }
    report_to(report[1]);
    if (waits) {
        close(go[1]); /* else the end of the word would never come */
        helper->go = go[0];
    }
    check(prctl(PR_SET_PDEATHSIG, SIGKILL), "bind to the supervisor");
    if (getppid() != supervisor)
        _exit(1);
    return 0;
}

/* Waits for the next thing that a helper tells. Returns its size: 0 at the helper's end. */
static ssize_t hear(const struct helper *helper, struct report *said)
{
    ssize_t got;

    do
        got = read(helper->report, said, sizeof *said);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Waits for the end of a helper. Returns what went wrong; an error of 0: nothing. */
static struct failure await_helper(struct helper *helper)
{
    struct report said = {.failure = {.kind = FAILURE_SETUP, .error = errno, .step = "start a process"}};
    int status;

    if (helper->process < 0)
        return said.failure;
    if (helper->go >= 0)
        close(helper->go);
    ssize_t got = hear(helper, &said);
    close(helper->report);
    while (waitpid(helper->process, &status, 0) < 0 && errno == EINTR)
        ;
    helper->process = 0;
    if (got != (ssize_t)sizeof said)
        said.failure = (struct failure){.error = status == 0 ? 0 : ECHILD, .step = "helper"};
    return said.failure;
}

/* What the supervisor has said by the time it closes its end. Returns its length. */
static size_t read_word(int go, char *word, size_t room)
{
    size_t length = 0;
    ssize_t got;

    while ((got = read(go, word + length, room - length)) > 0 || (got < 0 && errno == EINTR))
        length += got > 0 ? (size_t)got : 0;
    check((int)got, "wait for an action");
    return length;
}

/*
 * Lists directories of the lower layer: with a listing the file server tells the kernel all about the entries, which it then need not ask
 * for one by one. What can't be opened is an error: the file server takes the first who opens such a directory for this.
 */
static void learn_entries(int lower, const char *known, const char *end)
{
    static char entries[1 << 20]; /* as much as the file server may answer with at a time */
    char path[PATH_MAX];

    for (; known < end; known += strlen(known) + 1) {
        check(snprintf(path, sizeof path, ".%s", known) < (int)sizeof path ? 0 : -1, known);
        int directory = openat(lower, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        check(directory, known);
        long got;
        while ((got = syscall(SYS_getdents64, directory, entries, sizeof entries)) > 0)
            ;
        check((int)got, known);
        close(directory);
    }
}

/* The tool listens at the same place in each of its worlds. One that accepts nothing is an error: nobody waits for it. */
static int connect_to_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/" RESIDENT_SOCKET};
    int connected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    check(connected, "make a socket");
    check(connect(connected, (struct sockaddr *)&address, sizeof address), "connect to the tool");
    check(fcntl(connected, F_SETFL, 0), "set up the connection");
    return connected;
}

/* Becomes the tool's user, whose debuggers and descriptors this process is not for. */
static void become_tool(const struct action *action)
{
    become_tool_user(action); /* the tool may ask who connects */
    check(prctl(PR_SET_DUMPABLE, 0), "hide from the tool");
}

/* Makes a world, in a mount namespace of its own, where this machine's files are seen. Leaves it for the sandbox's, which holds no mount of this machine.
 * Returns the world, and its lower layer. */
static int build_world(struct action *action, const char *staging, int *lower)
{
    action->staging = staging;
    const char *undone = make_layers(action);
    check(undone == NULL ? 0 : -1, undone);
    int place = open("upper/" RESIDENT_SOCKET, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    check(place, "make a place for the socket");
    close(place);
    check(setns(action->users, CLONE_NEWUSER), "enter the user namespace");
    int fuse_fd = open_fuse(action);
    become_tool(action);
    check(prctl(PR_SET_PDEATHSIG, SIGKILL), "bind to the supervisor"); /* a change of identity clears it */
    check(unshare(CLONE_NEWNS), "make a mount namespace");
    check(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
    mount_lower(action, fuse_fd); /* still in the staging directory, whose parents the tool's user can't enter */
    *lower = open("lower", O_PATH | O_DIRECTORY | O_CLOEXEC);
    check(*lower, "open the lower layer");
    mount_root(action, -1);
    int world = clone_tree(".", TREE_RECURSIVE);
    check(setns(action->mounts, CLONE_NEWNS), "enter the mount namespace");
    return world;
}

/* Holds a part of the old world: what has to be done at its last use, some 2 ms, is then done at this helper's end, when the tool is at work. */
static void hold(const char *path)
{
    check(open(path, O_PATH | O_CLOEXEC), path);
}

/* Carries a world over, and makes it the root. */
static void show_world(int world)
{
    int processes = clone_tree("/proc", 0), door = clone_tree("/" RESIDENT_SOCKET, 0);

    hold("/");
    hold("/dev");
    hold("/dev/pts");
    attach_tree(world, "/dev"); /* any directory will do, and that one is always there */
    check(chdir("/dev"), "enter the new root");
    attach_tree(processes, "proc");
    attach_tree(door, RESIDENT_SOCKET);
    enter_root();
}

static void serve_world(struct action *action, const char *staging, int go)
{
    static char request[INPUT_MAXIMUM];
    struct report ready = {.kind = FRAME_READY};
    struct failure done = {0};
    int lower, world = build_world(action, staging, &lower);

    tell(&ready);
    size_t length = read_word(go, request, sizeof request);
    if (length == 0)
        return;
    learn_entries(lower, request + 1, request + length);
    show_world(world);
    check(send_frame(action->connection, FRAME_ENTERED, &done, sizeof done, request[0] ? connect_to_socket() : -1), "hand over the world");
}

/* Ends the helper that waits with a world, if there is one: without a word it goes. */
void drop_world(struct action *action)
{
    if (action->next.process > 0)
        await_helper(&action->next);
}

/* Makes the next world; the helper that has made it waits. */
void prepare_world(struct action *action, const char *staging)
{
    struct report said = {0};
    struct failure failure = {0};

    drop_world(action);
    if (fork_helper(&action->next, 1) == 0) {
        serve_world(action, staging, action->next.go);
        _exit(0);
    }
    if (action->next.process < 0 || hear(&action->next, &said) != (ssize_t)sizeof said)
        failure = await_helper(&action->next);
    else if (said.kind != FRAME_READY) {
        failure = said.failure;
        await_helper(&action->next);
    }
    send_frame(action->connection, FRAME_PREPARED, &failure, sizeof failure, -1);
}

/* Makes the world that was made the root of the resident tool; what it has open or mapped of the old one stays good. */
void enter_world(struct action *action, const char *request, size_t length)
{
    struct failure failure = {.kind = FAILURE_SETUP, .error = ENOENT, .step = "find the next world"};

    if (action->next.process > 0) {
        for (ssize_t put; length > 0; request += put, length -= (size_t)put)
            if ((put = write(action->next.go, request, length)) < 0) {
                if (errno != EINTR)
                    break; /* it has ended, and tells why */
                put = 0;
            }
        failure = await_helper(&action->next);
    }
    if (failure.error != 0) /* else the helper has answered */
        send_frame(action->connection, FRAME_ENTERED, &failure, sizeof failure, -1);
}

static void connect_and_send(struct action *action)
{
    struct failure done = {0};

    check(setns(action->users, CLONE_NEWUSER), "enter the user namespace");
    become_tool(action);
    check(setns(action->mounts, CLONE_NEWNS), "enter the mount namespace");
    check(send_frame(action->connection, FRAME_CONNECTED, &done, sizeof done, connect_to_socket()), "hand over the connection");
}

/* Connects to the socket on which the resident tool listens. */
void connect_to_tool(struct action *action)
{
    struct helper helper;

    if (fork_helper(&helper, 0) == 0) {
        connect_and_send(action);
        _exit(0);
    }
    struct failure failure = await_helper(&helper);
    if (failure.error != 0) /* else the helper has answered */
        send_frame(action->connection, FRAME_CONNECTED, &failure, sizeof failure, -1);
}
