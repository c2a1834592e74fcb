/*
 * What the worker and repr-start.exe say to each other over the pipe whose handle is on its command line (hexadecimal). Little-endian;
 * texts are UTF-16 and end with a null character.
 *
 *   worker:  struct start_request and its texts: program, command line, directory, then for each drive its letter and its target
 *   starter: struct start_report START_STARTED, and START_EXITED when the tool has ended; or one of the others, and nothing more
 *
 * The starter is the first process of an action and sees what the tool sees: by its requester's path the program can be started only from
 * within. A worker that ends closes the pipe; the job that both are in ends the starter.
 */
#ifndef REPR_START_H
#define REPR_START_H

struct start_request {
    unsigned int bytes; /* of all texts */
    unsigned int drives;
};

enum start_kind {
    START_STARTED = 1,   /* value: the tool's process number */
    START_EXITED = 2,    /* value: its exit code */
    START_REQUEST = 3,   /* from here on value is an error of Windows: the request could not be read */
    START_DRIVE = 4,     /* a drive letter could not be made */
    START_DIRECTORY = 5, /* the directory is not there or cannot be entered */
    START_PROGRAM = 6    /* the program could not be started */
};

struct start_report {
    unsigned int kind;
    unsigned int value;
};

#endif
