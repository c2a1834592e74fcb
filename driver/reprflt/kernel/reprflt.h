/* What the files of the kernel shell share. The shell moves names between the filter manager and the core; the core decides. */
#ifndef REPR_KERNEL_REPRFLT_H
#define REPR_KERNEL_REPRFLT_H

#include <fltKernel.h>

#include "../core/pathmap.h"
#include "../core/processes.h"
#include "../include/reprflt_protocol.h"

#define REPR_MAX_ACTIONS 256u
#define REPR_TAG 'rpeR'

/* An action that is under way, or a free slot: then its number is 0. */
struct repr_action {
    rc_u64 id;
    BOOLEAN has_processes; /* its rules are fixed */
    struct rc_map *map;
};

/* Everything the driver knows. */
struct repr_state {
    PFLT_FILTER filter;
    PFLT_PORT server;
    PFLT_PORT client;
    BOOLEAN watching; /* told of processes */
    EX_PUSH_LOCK lock; /* of the three tables */
    struct rc_volumes volumes;
    struct rc_processes processes;
    struct repr_action actions[REPR_MAX_ACTIONS];
    struct reprflt_statistics statistics; /* 64-bit members are counted without the lock */
};
extern struct repr_state repr;

/* Adds one to a member of the statistics. */
#define REPR_COUNT(member) InterlockedIncrement64((LONG64 volatile *)&repr.statistics.member)

/* --- memory.c --- */

/* Paged memory for one request, zeroed by nobody. */
struct repr_buffer {
    PVOID bytes;
    ULONG size;
};

VOID repr_memory_init(void);
VOID repr_memory_end(void);

/* Takes memory, from the lookaside list if it is of the usual size. The buffer is empty if there is none. */
NTSTATUS repr_take(struct repr_buffer *buffer, ULONG size);

/* Gives it back; an empty buffer is fine. The buffer is empty then. */
VOID repr_give_back(struct repr_buffer *buffer);

/* Memory that lives longer; 0 if there is none. */
PVOID repr_allocate(SIZE_T size);
VOID repr_free(PVOID memory);

/* Copies from or to an address that a user process gave: STATUS_ACCESS_VIOLATION if it is not one of its own. */
NTSTATUS repr_copy_from_user(PVOID into, PVOID user, ULONG size);
NTSTATUS repr_copy_to_user(PVOID user, PVOID from, ULONG size);

/* --- actions.c: the tables under their lock --- */

/* Forgets all volumes and actions; each tracked process becomes an orphan. */
VOID repr_forget_all(void);

/* The slot of the action that the process which makes this request belongs to, RC_ORPHAN or RC_UNTRACKED; with its number. */
rc_u32 repr_requestor(PFLT_CALLBACK_DATA data, rc_u64 *process);

/* Whether a process is tracked: then the driver must stay. */
BOOLEAN repr_is_busy(void);

/*
 * What the process may see at this device path; RC_DENY if it belongs to no action any more. With RC_REDIRECT the new path is in 'into',
 * which the caller gives back. Fails only for want of memory.
 */
NTSTATUS repr_rewrite(rc_u64 process, struct rc_text path, enum rc_verdict *verdict, struct repr_buffer *into);

/* The reverse, on the volume of this device; as rc_unrewrite. */
NTSTATUS repr_unrewrite(
    rc_u64 process, struct rc_text device, struct rc_text path, enum rc_verdict *verdict, struct repr_buffer *into);

/* What a request fails with that the core does not let through; counts it. */
NTSTATUS repr_refusal(enum rc_verdict verdict);

/* Ends the request with a failure. */
FLT_PREOP_CALLBACK_STATUS repr_fail(PFLT_CALLBACK_DATA data, NTSTATUS status);

/* --- names.c: names of open files --- */

/* A device's name, in place. */
struct repr_device {
    WCHAR chars[RC_MAX_DEVICE];
    struct rc_text name;
};

/* The name of the volume that a request is for. Fails if it is longer than that of any volume that can be added. */
NTSTATUS repr_device_of(PCFLT_RELATED_OBJECTS objects, struct repr_device *device);

/*
 * Asks the file system for one of the classes that contain a FILE_NAME_INFORMATION, 'offset' bytes from its start, and returns the whole
 * answer and the name in it, a path on the volume. The caller gives the buffer back.
 */
NTSTATUS repr_ask_name(PFLT_INSTANCE instance, PFILE_OBJECT file, FILE_INFORMATION_CLASS class, ULONG offset, struct repr_buffer *answer,
    struct rc_text *name);

/* --- callbacks --- */

FLT_PREOP_CALLBACK_STATUS FLTAPI repr_pre_create(PFLT_CALLBACK_DATA, PCFLT_RELATED_OBJECTS, PVOID *);
FLT_POSTOP_CALLBACK_STATUS FLTAPI repr_post_create(PFLT_CALLBACK_DATA, PCFLT_RELATED_OBJECTS, PVOID, FLT_POST_OPERATION_FLAGS);
FLT_PREOP_CALLBACK_STATUS FLTAPI repr_pre_network_query_open(PFLT_CALLBACK_DATA, PCFLT_RELATED_OBJECTS, PVOID *);
FLT_PREOP_CALLBACK_STATUS FLTAPI repr_pre_set_information(PFLT_CALLBACK_DATA, PCFLT_RELATED_OBJECTS, PVOID *);
FLT_PREOP_CALLBACK_STATUS FLTAPI repr_pre_query_information(PFLT_CALLBACK_DATA, PCFLT_RELATED_OBJECTS, PVOID *);
VOID NTAPI repr_on_process(PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO);
NTSTATUS FLTAPI repr_on_connect(PFLT_PORT, PVOID, PVOID, ULONG, PVOID *);
VOID FLTAPI repr_on_disconnect(PVOID);
NTSTATUS FLTAPI repr_on_message(PVOID, PVOID, ULONG, PVOID, ULONG, PULONG);

#endif
