/* What a hook tells the projection's double, over a pipe. TEST CODE; see standin.h. */
#ifndef REPR_STAGE_H
#define REPR_STAGE_H

#define STAGE_PIPE L"\\\\.\\pipe\\repr-standin"
#define STAGE_CHARS 32768u

/* A path in a staging directory ... */
enum stage_event {
    STAGE_LOOK = 1,    /* is looked at */
    STAGE_READ = 2,    /* is opened for its content */
    STAGE_WRITE = 3,   /* is opened to be changed */
    STAGE_REPLACE = 4, /* is opened to be overwritten */
    STAGE_MADE = 5,    /* was not there and was made */
    STAGE_LIST = 6,    /* is a directory that is listed */
    STAGE_DELETE = 7,  /* was deleted */
    STAGE_RENAME = 8   /* was renamed to the second path */
};

/* Answered by four bytes: 0, or an HRESULT. Paths are those of the machine (C:\...); one null character between them. */
struct stage_message {
    unsigned int event;
    unsigned int process;
    unsigned int path_length;
    unsigned int to_length;
    unsigned short text[2 * STAGE_CHARS + 4];
};
#define STAGE_HEADER (4 * sizeof(unsigned int))

#endif
