/* What the files of reprhook.dll share. TEST CODE; see standin.h. */
#ifndef REPR_HOOK_H
#define REPR_HOOK_H

#include "standin.h"

/* One of the driver's verdicts about an open. */
struct redirection {
    OBJECT_ATTRIBUTES attributes; /* to be used instead */
    UNICODE_STRING name;
    ULONG machine_length;
    const WCHAR *machine; /* in staging: its path on this machine, C:\... ; else NULL */
    WCHAR from[MAX_NAME];
    WCHAR device[MAX_NAME];
    WCHAR to[MAX_NAME];
};

extern struct world *world;

/* hook.c */
void *patch(void *function, void *replacement, int length);
int enter(void); /* 0: this thread is in the hook already */
void leave(void);
NTSTATUS redirect(POBJECT_ATTRIBUTES attributes, struct redirection *r, int changes);
NTSTATUS stage(enum stage_event event, const WCHAR *path, ULONG length, const WCHAR *to, ULONG to_length);
int requester_path(const WCHAR *machine, ULONG length, WCHAR *into, ULONG capacity); /* of a path in staging; 0: it is none */
void count(enum count what);
void trace(const char *format, ...);

/* hook_process.c */
void hook_processes(void);
void show_requesters_names(void);

#endif
