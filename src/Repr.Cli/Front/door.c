/* Finds the door of the requester process (the rule of DoorPaths.cs and DoorAddress.cs), and starts that process when nobody listens. */
#define _GNU_SOURCE
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    START_TIMEOUT_MS = 10000,
    START_POLL_MS = 10,
    ENDED_GRACE_MS = 1000, /* a process that ended at once may have left the door to another one that is starting */
    RECENT_S = 60,
};

extern char **environ;

/* The directory of this program. */
const char *find_product(const char *program)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    if (length > 0)
        path[length] = 0;
    else if (realpath(program, path) == NULL)
        return ".";
    *strrchr(path, '/') = 0;
    return format("%s", path);
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != 0;
}

/* The host looks for a runtime beside itself, in these variables and in these places; never on the PATH. */
static bool has_runtime(const char *product)
{
    return access(format("%s/libcoreclr.so", product), F_OK) == 0 || is_set("DOTNET_ROOT") || is_set("DOTNET_ROOT_X64")
        || is_set("DOTNET_ROOT_ARM64") || access("/etc/dotnet/install_location", F_OK) == 0
        || access("/usr/share/dotnet/dotnet", F_OK) == 0 || access("/usr/lib/dotnet/dotnet", F_OK) == 0;
}

/* Becomes repr.dll. `arguments` has a free place in front of the first one, the name of the program. Returns when it cannot. */
void run_host(const char *product, char **arguments)
{
    const char *host = format("%s/repr-host", product), *dotnet = is_set("DOTNET_HOST_PATH") ? getenv("DOTNET_HOST_PATH") : "dotnet";
    char *name = arguments[0];

    if (has_runtime(product))
        execv(host, arguments);
    arguments[-1] = (char *)dotnet;
    arguments[0] = format("%s/repr.dll", product);
    execvp(dotnet, arguments - 1);
    arguments[0] = name;
    execv(host, arguments); /* it says what it misses */
}

static uint64_t fnv1a(const char *text)
{
    uint64_t hash = 14695981039346656037u;

    for (; *text != 0; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

static const char *runtime_directory(void)
{
    const char *chosen = is_set("REPR_RUNTIME_DIR") ? getenv("REPR_RUNTIME_DIR") : NULL;

    if (chosen != NULL) {
        char *here = *chosen == '/' ? NULL : getcwd(NULL, 0);
        return here != NULL ? format("%s/%s", here, chosen) : chosen;
    }
    return is_set("XDG_RUNTIME_DIR") ? format("%s/repr", getenv("XDG_RUNTIME_DIR")) : format("/tmp/repr-%u", geteuid());
}

static bool is_private(const char *directory)
{
    struct stat stat_;

    return stat(directory, &stat_) == 0 && S_ISDIR(stat_.st_mode) && stat_.st_uid == geteuid() && (stat_.st_mode & 077) == 0;
}

static bool make_private(const char *directory)
{
    char *path = format("%s", directory);

    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
    mkdir(path, 0700);
    free(path);
    return is_private(directory);
}

bool find_door(struct door *door, const char *product, const char **problem)
{
    const char *dll = format("%s/repr.dll", product);
    struct stat stat_;

    *door = (struct door){.product = product, .directory = runtime_directory()};
    if (stat(dll, &stat_)) {
        *problem = format("'%s' is not there; install Repr again", dll);
        return false;
    }
    if (!is_private(door->directory) && !make_private(door->directory)) {
        *problem = format("the directory '%s' must belong to the user and be closed to others (chmod 700); remove it or set REPR_RUNTIME_DIR",
            door->directory);
        door->directory = NULL;
        return false;
    }
    /* .NET counts 100 ns since the year 1. */
    long long ticks = 621355968000000000 + stat_.st_mtim.tv_sec * 10000000LL + stat_.st_mtim.tv_nsec / 100;
    uint64_t identity = fnv1a(format("%s|%lld|%lld", dll, (long long)stat_.st_size, ticks));
    door->socket = format("%s/door-%016llx.sock", door->directory, (unsigned long long)identity);
    if (strlen(door->socket) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        *problem = format("the name of its socket, '%s', is too long; set REPR_RUNTIME_DIR to a shorter directory", door->socket);
        return false;
    }
    return true;
}

/* The process that listens at the other end. */
pid_t find_peer(int connection)
{
    struct ucred peer = {0};
    socklen_t length = sizeof peer;

    return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}

static int try_connect(const struct door *door)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, door->socket, strlen(door->socket) + 1);
    if (connection >= 0 && connect(connection, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        close(connection);
        errno = error;
        return -1;
    }
    if (connection >= 0 && door->dead > 0 && find_peer(connection) == door->dead) {
        close(connection); /* it dies: its connections were closed before its door */
        errno = ECONNREFUSED;
        return -1;
    }
    return connection;
}

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

bool is_recent(const char *path)
{
    struct stat stat_;

    return stat(path, &stat_) == 0 && time(NULL) - stat_.st_mtim.tv_sec < RECENT_S;
}

void touch(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (file >= 0) {
        futimens(file, NULL);
        close(file);
    }
}

/* It outlives this build: what MSBuild and make pass on to their children is not for it. */
static void forget_build(void)
{
    char **kept = environ;

    for (char **variable = environ; *variable != NULL; variable++)
        if (strncasecmp(*variable, "MSBUILD", 7) != 0 && strncmp(*variable, "MAKE", 4) != 0 && strncmp(*variable, "MFLAGS=", 7) != 0
            && strncmp(*variable, "REPR_ENDPOINT=", 14) != 0)
            *kept++ = *variable;
    *kept = NULL;
}

/* Nobody's child, with nothing of ours but the end of a pipe, which tells of its death. Returns the other end. */
static int start_requester(const struct door *door)
{
    char *arguments[] = {NULL, "repr", "requester", "--door", (char *)door->socket, NULL};
    sigset_t none;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC))
        return -1;
    pid_t child = fork();
    if (child == 0) {
        if (fork() != 0)
            _exit(0);
        setsid();
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (int number = 1; number < NSIG; number++)
            signal(number, SIG_DFL);
        int null = open("/dev/null", O_RDWR);
        int alive = fcntl(ends[1], F_DUPFD, 10);
        for (int descriptor = 0; descriptor <= 2; descriptor++)
            dup2(null, descriptor);
        dup2(alive, 3);
        close_range(4, ~0u, 0);
        forget_build();
        if (chdir("/") == 0)
            run_host(door->product, arguments + 1);
        _exit(EXIT_NOT_FOUND);
    }
    close(ends[1]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return ends[0];
}

/* Many ask at the same moment and one starts: who has the lock. The others wait for the lock or the door. */
static int start_and_connect(const struct door *door, const char *failed, const char **problem)
{
    int lock = open(format("%s.start", door->socket), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), connection = -1, alive = -1;
    bool starts = false;
    long long deadline = now_ms() + START_TIMEOUT_MS;

    *problem = "it was started but did not answer; see requester.log in the cache directory";
    while (now_ms() < deadline && (connection = try_connect(door)) < 0) {
        if (!starts && (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0)) {
            if (is_recent(failed)) {
                *problem = "it could not be started a moment ago; see requester.log in the cache directory";
                break;
            }
            if ((connection = try_connect(door)) >= 0)
                break;
            starts = true;
            alive = start_requester(door);
        }
        struct pollfd end = {alive, POLLIN, 0};
        if (poll(&end, 1, START_POLL_MS) > 0) {
            close(alive);
            alive = -1;
            if (deadline > now_ms() + ENDED_GRACE_MS)
                deadline = now_ms() + ENDED_GRACE_MS;
            *problem = "it was started but ended at once; try 'repr requester', and see requester.log in the cache directory";
        }
    }
    if (connection < 0 && starts)
        touch(failed);
    if (connection >= 0)
        unlink(failed);
    if (alive >= 0)
        close(alive);
    if (lock >= 0)
        close(lock);
    return connection;
}

int open_door(const struct door *door, const char **problem)
{
    const char *failed = format("%s.failed", door->socket);
    int connection = try_connect(door);

    if (connection >= 0)
        return connection;
    if (errno != ECONNREFUSED && errno != ENOENT) {
        *problem = format("'%s': %s", door->socket, strerror(errno));
        return -1;
    }
    if (is_recent(failed)) {
        *problem = "it could not be started a moment ago; see requester.log in the cache directory";
        return -1;
    }
    return start_and_connect(door, failed, problem);
}
