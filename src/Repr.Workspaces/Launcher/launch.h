/*
 * repr-launch: the resident process that starts the sandbox of each action.
 *
 *   repr-launch (launcher)     listens on a Unix socket; forks one supervisor per connection
 *     supervisor               one per action, outside the sandbox: relays output, reports the end, kills
 *       init                   PID 1 of the sandbox: builds the file system, drops every privilege, reaps
 *         the tool
 *       helper                 enters the sandbox for one errand: shows a resident tool another world, made before, or connects to it
 *
 * Each process dies with its parent, and the sandbox's mounts die with its processes. Every integer on the wire is little-endian,
 * which is the byte order of the machines this is built for; SandboxRequest.cs and SandboxConnection.cs are the other side.
 */
#ifndef REPR_LAUNCH_H
#define REPR_LAUNCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "The wire format is written for little-endian machines."
#endif

/* Two requests, the second any time after the first, so that a sandbox can be ready before it is known what for. Each: u32 length of
 * what follows, its header, then NUL-terminated strings.
 *
 * The sandbox: staging directory, paths of this machine. */
struct sandbox_header {
    uint32_t magic;
    uint32_t flags;
    uint32_t inside_uid, inside_gid;   /* what the tool believes to be */
    uint32_t outside_uid, outside_gid; /* what the kernel knows it as */
    uint32_t system_count; /* of the paths of this machine that the tool sees too, read-only */
    uint32_t rows, columns; /* of the terminal, if there is one */
    uint32_t foretold; /* the directory of this number in FORETOLD lies above the lower layer; 0: none does */
};

/* The tool: working directory, program, arguments, environment. */
struct tool_header {
    uint32_t magic;
    uint32_t umask;
    uint32_t argument_count, environment_count;
};

/* Beside the launcher's socket, for one that is root: a file system in memory, which is in the launcher's mount namespace and its sandboxes' alone, and
 * goes with it. The worker puts there what it foretells, and names a thing absent by a link to WHITEOUT. */
#define FORETOLD "foretold"
#define WHITEOUT "whiteout"

#define SANDBOX_MAGIC 0x33525052u /* "RPR3" */
#define TOOL_MAGIC 0x32544f4fu
#define REQUEST_MAXIMUM (16u << 20)
#define FLAG_FUSE 1u /* mount a FUSE file system as the lower layer; else the directory "lower" is it */
#define FLAG_INPUT 2u /* standard input is what the worker sends; else /dev/null */
#define FLAG_TERMINAL_IN 4u /* these streams are a terminal; the first only with FLAG_INPUT */
#define FLAG_TERMINAL_OUT 8u
#define FLAG_TERMINAL_ERROR 16u
#define FLAG_RESIDENT 32u /* the tool serves one action after the other */
#define FLAG_TERMINAL (FLAG_TERMINAL_IN | FLAG_TERMINAL_OUT | FLAG_TERMINAL_ERROR)

/* Frame, in both directions: this header, then the data. */
struct frame_header {
    uint32_t kind;
    uint32_t length;
};

enum frame_kind {
    FRAME_FUSE = 'F',    /* no data; carries the descriptor of the mounted /dev/fuse */
    FRAME_READY = 'R',   /* no data; the tool may be told */
    FRAME_STARTED = 'S', /* no data; the tool has begun */
    FRAME_STDOUT = 'O',
    FRAME_STDERR = 'E',
    FRAME_FAILED = '!', /* struct failure; the tool was not started */
    FRAME_TAKEN = 'T',  /* u32: bytes that went into the tool's standard input */
    FRAME_EXITED = 'X', /* struct ending; always the last frame of a sandbox that existed */

    /* From the worker, when the tool has begun. */
    FRAME_INPUT = 'I',     /* for standard input; at most INPUT_MAXIMUM bytes */
    FRAME_INPUT_END = 'Z', /* no data */
    FRAME_SIGNAL = 'K',    /* u32: a signal for the tool's process group */
    FRAME_RESIZED = 'W',   /* two u32: rows, columns */

    /* From the worker, for a resident tool; each is answered before the next is read. */
    FRAME_PREPARE = 'P', /* a staging directory, NUL-terminated: a new world with its layers there is to be made, instead of one that was not entered */
    FRAME_ENTER = 'N',   /* the tool's root is to be the world that was made. A byte: whether a connection to RESIDENT_SOCKET is wanted; then,
                            NUL-terminated, directories of that world whose entries the kernel is to know beforehand */
    FRAME_CONNECT = 'C', /* no data: a connection to RESIDENT_SOCKET is wanted */

    /* The answers. An error of 0 says that it was done. */
    FRAME_PREPARED = 'p',  /* struct failure */
    FRAME_ENTERED = 'n',   /* struct failure; if it was done and wanted, carries the connected socket */
    FRAME_CONNECTED = 'c', /* struct failure; if it was done, carries the connected socket */
};

/* Where a resident tool listens; all that its worlds have in common. In /tmp, where the compilers' servers want it. */
#define RESIDENT_SOCKET "tmp/repr-resident"

#define INPUT_MAXIMUM (1u << 16)

enum failure_kind { FAILURE_SETUP = 0, FAILURE_CWD = 1, FAILURE_PROGRAM = 2, FAILURE_INTERPRETER = 3 };

struct failure {
    int32_t kind;
    int32_t error; /* errno */
    char step[56]; /* "mount overlay"; NUL-terminated */
};

struct ending {
    int32_t wait_status; /* of the tool, as from wait(2) */
    int32_t by_itself;   /* 0: the sandbox was killed before the tool ended */
    int64_t user_us, system_us;
    int64_t peak_bytes; /* memory of the largest process */
};

/* What init tells the supervisor, through a pipe. */
struct report {
    int32_t kind; /* FRAME_READY, FRAME_STARTED, FRAME_FAILED, FRAME_EXITED */
    int32_t wait_status;
    struct failure failure;
};

/* A helper of a resident tool. */
struct helper {
    pid_t process;
    int report; /* says what went wrong */
    int go;     /* says what to do; -1: it knows */
};

/* Everything about one action. */
struct action {
    struct sandbox_header header;
    struct tool_header tool;
    const char *staging, *cwd, *program;
    const char *foretold; /* where the file system of FORETOLD is */
    char **arguments, **environment, **system;
    int connection;      /* to the worker */
    int input[2], output[2], error[2], report[2], go[2]; /* pipes: read end, write end; -1 if there is none */
    int terminal, terminal_peer;                         /* the worker's and the tool's side; -1 if there is none */
    int users, mounts; /* the sandbox's namespaces; the first only of a resident tool's, else -1 */
    struct helper next; /* has made the next world of a resident tool, and waits; a process of 0: nobody has */
};

/* With this real-time signal, and the number as its value, the supervisor asks init to signal the tool. */
#define SIGNAL_RELAY SIGRTMIN

/* request.c: reads the requests, from the worker or in init from the supervisor. -1: errno says what is wrong; 0: the sender is gone. */
int read_sandbox(int from, struct action *action);
int read_tool(int from, struct action *action);
int pass_tool(int from, int to);

/* supervisor.c */
void supervise(int connection, const char *foretold) __attribute__((noreturn));
int send_frame(int connection, enum frame_kind kind, const void *data, uint32_t length, int descriptor);

const char *make_layers(const struct action *action);

/* sandbox.c: the life of init. What goes wrong is told through a pipe, and ends the process. */
void run_init(struct action *action) __attribute__((noreturn));

/* root.c: the file system that a tool sees. */
int open_fuse(const struct action *action);
int open_foretold(const struct action *action);
void mount_lower(const struct action *action, int fuse_fd);
void mount_root(const struct action *action, int foretold);
void enter_root(void);

/* errand.c: what helpers do in the sandbox of a resident tool. */
void prepare_world(struct action *action, const char *staging);
void enter_world(struct action *action, const char *request, size_t length);
void drop_world(struct action *action);
void connect_to_tool(struct action *action);

/* report.c: how a process without a connection of its own says what went wrong. */
void report_to(int descriptor);
void tell(const struct report *report);
void fail_as(enum failure_kind kind, const char *step) __attribute__((noreturn));
void check(int result, const char *step);
void become_tool_user(const struct action *action);

/* relay.c: carries text, input and signals until the sandbox is gone, then tells the end. */
void relay_all(struct action *action, pid_t init, int init_fd);

/* seccomp.c */
int install_seccomp(void);

#endif
