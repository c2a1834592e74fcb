/* The front: the program `repr`. It is what a build starts thousands of times (`repr exec -- cc ...`), so it is small, static and
 * speaks to the requester process itself, in the messages of protos/repr/v1/door.proto. Every other verb is repr.dll's. */
#ifndef REPR_FRONT_H
#define REPR_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit codes of `repr exec` itself; as those of env(1) and timeout(1). */
enum {
    EXIT_MALFORMED = 2,
    EXIT_TIMED_OUT = 124,
    EXIT_NOT_RUN = 125,
    EXIT_NOT_EXECUTABLE = 126,
    EXIT_NOT_FOUND = 127,
};

/* bytes.c: bytes that grow; protobuf's wire format. */

struct bytes {
    unsigned char *data;
    size_t length, capacity;
};

void *allocate(size_t size);
char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
void append(struct bytes *bytes, const void *data, size_t length);
void drop_front(struct bytes *bytes, size_t length);
bool is_utf8(const char *text);

void put_number(struct bytes *message, unsigned field, uint64_t value);
void put_data(struct bytes *message, unsigned field, const void *data, size_t length);
void put_text(struct bytes *message, unsigned field, const char *text);
void put_delimited(struct bytes *stream, const struct bytes *message);

struct field {
    unsigned number;
    uint64_t value;            /* of a varint */
    const unsigned char *data; /* of what has a length */
    size_t length;
};

bool next_field(const unsigned char **at, const unsigned char *end, struct field *field);
int next_delimited(const unsigned char *data, size_t length, size_t *header, size_t *body);

/* options.c: what the user asks for. */

struct list {
    const char **items;
    size_t count;
};

struct options {
    const char *endpoint, *build_id; /* or NULL */
    bool fail, no_stdin;
    bool minimal_download; /* object files may stay on the worker */
    unsigned cache; /* a CacheMode */
    unsigned placement; /* a Placement */
    struct list read_roots, write_roots, inputs, outputs;
    char **command; /* ends with NULL */
    char *directory; /* the current one, without links; NULL when it is gone */
};

void read_options(struct options *options, char **arguments);

/* input.c: the standard input. What was read can be given to another remote run, or to a local one. */

enum { INPUT_CHUNK = 1 << 16 }; /* at most in one message, as door.proto has it */

struct input {
    bool taken;     /* the tool gets it */
    bool ended;     /* nothing more will be read */
    off_t start;    /* of a file: where it stood; else -1 */
    bool lost;      /* more was read than is kept */
    struct bytes kept;
};

void repair_standard_streams(void);
bool is_null_or_closed(int descriptor);
void open_input(struct input *input, const struct options *options);
ssize_t read_input(struct input *input, void *data, size_t size);
bool rewind_input(struct input *input);
bool give_input_back(struct input *input);

/* terminal.c */

struct terminal {
    bool present, input, output, error; /* which streams are the terminal */
    unsigned short rows, columns;
};

void look_at_terminal(struct terminal *terminal, bool takes_input);
void measure_terminal(struct terminal *terminal);
void enter_raw_mode(void);
void leave_raw_mode(void);

/* door.c: finds the requester process, and starts it. */

struct door {
    const char *product;   /* the directory of this program, and of repr.dll */
    const char *directory; /* the runtime directory */
    const char *socket;
    pid_t dead; /* a process that is not to be asked again; 0: none */
};

const char *find_product(const char *program);
void run_host(const char *product, char **arguments);
bool find_door(struct door *door, const char *product, const char **problem);
int open_door(const struct door *door, const char **problem);
pid_t find_peer(int connection);
bool is_recent(const char *path);
void touch(const char *path);

/* messages.c */

struct warning {
    const char *code, *message;
};

enum { MAXIMUM_WARNINGS = 4 };
enum outcome { OUTCOME_EXIT, OUTCOME_SIGNAL, OUTCOME_TIMED_OUT, OUTCOME_NOT_RUN };

struct verdict {
    enum outcome outcome;
    int number;                 /* exit code or signal */
    const char *code, *message; /* of NOT_RUN */
    bool cancelled;
    bool text_passed_on;
    bool by_choice; /* NOT_RUN, and nothing went wrong */
    struct warning warnings[MAXIMUM_WARNINGS]; /* although it ran; ends with one without a code */
    int received; /* a signal that asked for the end, else 0 */
    bool unanswered; /* the connection ended without a word about the outcome */
};

struct text {
    int descriptor;
    const unsigned char *data;
    size_t length;
};

bool find_unspeakable(const struct options *options, const char **problem);
void encode_run(struct bytes *stream, const struct options *options, const struct input *input, const struct terminal *terminal);
void encode_input(struct bytes *stream, const void *data, size_t length);
void encode_kept_input(struct bytes *stream, const struct input *input);
void encode_signal(struct bytes *stream, int number);
void encode_size(struct bytes *stream, const struct terminal *terminal);
bool decode_reply(const unsigned char *data, size_t length, struct text *text, struct verdict *verdict);

/* relay.c */

void take_signals(void);
void release_signals(void);
void relay(int door, struct bytes *request, struct input *input, struct terminal *terminal, struct verdict *verdict);
_Noreturn void die_of(int signal);

/* exec.c */

int exec_remotely(const char *program, char **arguments);

#endif
