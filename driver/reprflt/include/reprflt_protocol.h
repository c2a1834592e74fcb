/*
 * The protocol between a worker and reprflt.sys: the only thing that both know of each other.
 *
 * The worker connects to REPRFLT_PORT_NAME (FilterConnectCommunicationPort, without a context; administrators and SYSTEM only, one
 * connection at a time) and sends messages (FilterSendMessage). Each call is answered when it returns: by a failed HRESULT for the
 * NTSTATUS that stands below, or by success and, where the message has one, its reply. The driver sends nothing by itself.
 *
 *   HELLO                                            first; version of the driver and its limits
 *   ADD_VOLUME      one for each volume              where the staging directories on it are
 *   BEGIN_ACTION                                     an action and the name of its staging directories
 *   ADD_RULE        one for each rule                which paths go into staging, which stay on the host
 *   ADD_PROCESS     (the process is suspended)       from here on the process and its descendants see the action's world
 *   END_ACTION                                       processes that still run are orphans: each of their opens is denied
 *
 * When the connection closes, the driver forgets all volumes and actions, and every tracked process that still runs is an orphan.
 *
 * Layout: little-endian, natural alignment without hidden padding, sizes fixed and asserted below. A text is UTF-16, its length counts
 * characters, it is not terminated. Reserved members are zero. A change of any of this is a new REPRFLT_VERSION; only struct
 * reprflt_header, HELLO and the first member of its reply never change. The header includes nothing and compiles as C and C++, for the
 * kernel, for Windows and for Linux.
 *
 * Status of every message: STATUS_REVISION_MISMATCH another version; STATUS_INVALID_PARAMETER a size, type, length or text that this header
 * does not allow; STATUS_BUFFER_TOO_SMALL the reply does not fit; STATUS_ACCESS_VIOLATION a bad buffer; STATUS_INSUFFICIENT_RESOURCES a
 * limit of the reply to HELLO is reached, or no memory; STATUS_NOT_FOUND no such action.
 */
#ifndef REPRFLT_PROTOCOL_H
#define REPRFLT_PROTOCOL_H

#define REPRFLT_PORT_NAME L"\\ReprFlt"
#define REPRFLT_VERSION 1u

#define REPRFLT_DEVICE_CHARS 128u /* of a volume's device name */
#define REPRFLT_PATH_CHARS 512u   /* of a path that a message carries */
#define REPRFLT_NAME_CHARS 64u    /* of the name of a staging directory */

typedef unsigned short reprflt_u16;
typedef unsigned int reprflt_u32;
typedef unsigned long long reprflt_u64;

enum reprflt_type {
    REPRFLT_HELLO = 1,
    REPRFLT_ADD_VOLUME = 2,
    REPRFLT_BEGIN_ACTION = 3,
    REPRFLT_ADD_RULE = 4,
    REPRFLT_ADD_PROCESS = 5,
    REPRFLT_END_ACTION = 6,
    REPRFLT_QUERY_STATISTICS = 7
};

/* Begins every message. */
struct reprflt_header {
    reprflt_u32 size;    /* bytes of the whole message: exactly the size of its struct */
    reprflt_u32 version; /* REPRFLT_VERSION */
    reprflt_u32 type;    /* enum reprflt_type: says which struct it is */
    reprflt_u32 reserved;
};

/* REPRFLT_HELLO. Taken in any version, so that the worker can say which driver it found. */
struct reprflt_hello {
    struct reprflt_header header;
};

/* The reply to REPRFLT_HELLO. */
struct reprflt_welcome {
    reprflt_u32 version;       /* the driver's; if it is not REPRFLT_VERSION, every other message is refused */
    reprflt_u32 max_volumes;
    reprflt_u32 max_actions;   /* at the same time */
    reprflt_u32 max_processes; /* of all actions, orphans included */
    reprflt_u32 max_rules;     /* of one action */
    reprflt_u32 max_rule_text; /* characters of all rules of one action: of each, the path and the whole path that it leads to */
};

/*
 * REPRFLT_ADD_VOLUME. The volume's staging directories are the direct subdirectories of 'root'. A tracked process can open nothing below
 * 'root' but its own action's. STATUS_FLT_INSTANCE_NOT_FOUND: the driver is not attached to the volume. STATUS_OBJECT_NAME_COLLISION: it
 * was added before.
 */
struct reprflt_add_volume {
    struct reprflt_header header;
    reprflt_u32 device_length;
    reprflt_u32 root_length;
    reprflt_u16 device[REPRFLT_DEVICE_CHARS]; /* as QueryDosDevice says it: \Device\HarddiskVolume3 */
    reprflt_u16 root[REPRFLT_PATH_CHARS];     /* on that volume: \repr\work */
};

/*
 * REPRFLT_BEGIN_ACTION. The action's staging directory on each volume is 'root' of the volume and 'name': \repr\work\a000017.
 * STATUS_OBJECT_NAME_COLLISION: an action with this number or name is there.
 */
struct reprflt_begin_action {
    struct reprflt_header header;
    reprflt_u64 action; /* the worker's number for it; not 0 */
    reprflt_u32 name_length;
    reprflt_u32 reserved;
    reprflt_u16 name[REPRFLT_NAME_CHARS]; /* one component */
};

enum reprflt_rule_kind {
    REPRFLT_REDIRECT = 1, /* 'path' and what is below it is found below 'target' of the staging directory on the same volume */
    REPRFLT_HOST = 2      /* 'path' and what is below it is the worker's own, to be read, never changed: C:\Windows */
};

/*
 * REPRFLT_ADD_RULE. The longest path that contains an opened file decides; what no rule contains is denied. Rules come before the first
 * process: STATUS_INVALID_DEVICE_STATE after it. STATUS_OBJECT_NAME_COLLISION: the same path, or targets of which one contains the other.
 * STATUS_OBJECT_PATH_NOT_FOUND: a REDIRECT of a path on no added volume.
 *
 * A drive of the requester: path \Device\HarddiskVolume3, target "C". A drive that the worker lacks: make its letter a link to a directory
 * of the worker (\Device\HarddiskVolume3\repr\drives\X) and redirect that, target "X". Names are compared without case, but are not
 * expanded: a HOST path that has a short name (C:\PROGRA~1) needs a rule for it too; without one, the short path is redirected.
 */
struct reprflt_add_rule {
    struct reprflt_header header;
    reprflt_u64 action;
    reprflt_u32 kind;
    reprflt_u32 path_length;
    reprflt_u32 target_length; /* 0 for REPRFLT_HOST */
    reprflt_u32 reserved;
    reprflt_u16 path[REPRFLT_PATH_CHARS]; /* device path */
    reprflt_u16 target[REPRFLT_PATH_CHARS]; /* relative, without a leading backslash */
};

/*
 * REPRFLT_ADD_PROCESS. For a process that was created suspended and has run no instruction. STATUS_INVALID_CID: no process has this number
 * and was created then. STATUS_OBJECT_NAME_COLLISION: it is tracked already.
 */
struct reprflt_add_process {
    struct reprflt_header header;
    reprflt_u64 action;
    reprflt_u64 process;
    reprflt_u64 created; /* GetProcessTimes' creation time, 100 ns since 1601: a number that was given to another process is not taken */
};

/* REPRFLT_END_ACTION */
struct reprflt_end_action {
    struct reprflt_header header;
    reprflt_u64 action;
};

/* The reply to REPRFLT_END_ACTION. */
struct reprflt_ended {
    reprflt_u32 running; /* processes of the action that still ran: orphans now */
    reprflt_u32 reserved;
};

/* REPRFLT_QUERY_STATISTICS */
struct reprflt_query_statistics {
    struct reprflt_header header;
};

/* The reply to REPRFLT_QUERY_STATISTICS; counts since the driver was loaded, of tracked processes only. */
struct reprflt_statistics {
    reprflt_u64 opens;      /* files that they tried to open */
    reprflt_u64 redirected; /* ... of these, sent into staging */
    reprflt_u64 host;       /* ... let through to files of the worker */
    reprflt_u64 denied;     /* ... denied by a rule, or as another action's staging, or as an orphan's */
    reprflt_u64 failed;     /* ... failed in the driver: no memory, no name, a name that is too long or malformed */
    reprflt_u64 renames;    /* renames and links whose target was rewritten */
    reprflt_u64 names;      /* queried names that were written back */
    reprflt_u64 inherited;  /* processes that were tracked because their creator was */
    reprflt_u64 refused;    /* processes that were not created because the table was full */
    reprflt_u32 actions;    /* now */
    reprflt_u32 processes;  /* now, orphans included */
    reprflt_u32 orphans;    /* now */
    reprflt_u32 reserved;
};

#define REPRFLT_ASSERT_SIZE(type, bytes) typedef char reprflt_size_of_##type[sizeof(struct type) == (bytes) ? 1 : -1]
REPRFLT_ASSERT_SIZE(reprflt_header, 16);
REPRFLT_ASSERT_SIZE(reprflt_hello, 16);
REPRFLT_ASSERT_SIZE(reprflt_welcome, 24);
REPRFLT_ASSERT_SIZE(reprflt_add_volume, 1304);
REPRFLT_ASSERT_SIZE(reprflt_begin_action, 160);
REPRFLT_ASSERT_SIZE(reprflt_add_rule, 2088);
REPRFLT_ASSERT_SIZE(reprflt_add_process, 40);
REPRFLT_ASSERT_SIZE(reprflt_end_action, 24);
REPRFLT_ASSERT_SIZE(reprflt_ended, 8);
REPRFLT_ASSERT_SIZE(reprflt_query_statistics, 16);
REPRFLT_ASSERT_SIZE(reprflt_statistics, 88);

#endif
