/* Which action a process belongs to, inherited by the processes that it creates. */
#ifndef REPR_CORE_PROCESSES_H
#define REPR_CORE_PROCESSES_H

#include "text.h"

#define RC_MAX_PROCESSES 4096u
#define RC_PROCESS_BUCKETS 1024u

/* In place of the slot of an action. */
#define RC_UNTRACKED 0xffffffffu
#define RC_ORPHAN 0xfffffffeu /* its action has ended: it must see nothing any more, least of all the host */

struct rc_process {
    rc_u64 id;
    rc_u32 slot;
    rc_u32 next; /* index + 1 */
};

struct rc_processes {
    rc_u32 used;
    rc_u32 orphans;
    rc_u32 free;  /* head of the list of entries that were given back: index + 1 */
    rc_u32 fresh; /* entries from here on were never used */
    rc_u32 buckets[RC_PROCESS_BUCKETS];
    struct rc_process entries[RC_MAX_PROCESSES];
};

enum rc_birth {
    RC_STRANGER,  /* none of ours */
    RC_INHERITED, /* tracked, as its creator or parent is */
    RC_NO_ROOM,   /* it would have to be tracked and cannot be: it must not run */
};

/* A table without processes. */
void rc_processes_init(struct rc_processes *processes);

/* Tracks a process, or changes its slot. Says whether there was room. */
int rc_processes_add(struct rc_processes *processes, rc_u64 id, rc_u32 slot);

/* Forgets a process. Says whether it was tracked. */
int rc_processes_remove(struct rc_processes *processes, rc_u64 id);

/* The process's slot, RC_ORPHAN or RC_UNTRACKED. */
rc_u32 rc_processes_find(const struct rc_processes *processes, rc_u64 id);

/* Makes an orphan of each process in the slot; says of how many. */
rc_u32 rc_processes_orphan(struct rc_processes *processes, rc_u32 slot);

/*
 * A process was created. Its parent may be named by whoever creates it, so the creator counts first, then the parent. An entry that the
 * number had before is of a process that is gone.
 */
enum rc_birth rc_processes_born(struct rc_processes *processes, rc_u64 id, rc_u64 creator, rc_u64 parent);

#endif
