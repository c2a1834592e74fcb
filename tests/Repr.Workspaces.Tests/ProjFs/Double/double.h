/*
 * A test double of the Projected File System: ProjectedFSLib.dll and the filter below it, in one library. The provider calls Prj*
 * (library.c); a test plays the tool that opens, reads and changes files below the root (tool.c). Everything lies in a real directory
 * (disk.c), which shows what the real file system shows to the provider's own process: placeholders without content, and tombstones.
 *
 * It is strict: what the real library forbids, or makes a provider's fault hard to see, is counted as a violation with a text.
 * One source, two builds: a shared object for Linux, a DLL for Wine.
 */
#ifndef REPR_PROJFS_DOUBLE_H
#define REPR_PROJFS_DOUBLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint16_t wch;
typedef int32_t hr;

#ifdef _WIN32
#define API __declspec(dllexport)
#else
#define API __attribute__((visibility("default")))
#endif

#define WIN32_HR(code) ((hr)(0x80070000u | (code)))
#define HR_NOT_FOUND WIN32_HR(2)       /* ERROR_FILE_NOT_FOUND: the only answer that enters the negative cache */
#define HR_PATH_NOT_FOUND WIN32_HR(3)
#define HR_DENIED WIN32_HR(5)
#define HR_SHORT_DATA WIN32_HR(38)     /* ERROR_HANDLE_EOF */
#define HR_NOT_SUPPORTED WIN32_HR(50)
#define HR_EXISTS WIN32_HR(80)
#define HR_INVALID WIN32_HR(87)
#define HR_TOO_SMALL WIN32_HR(122)
#define HR_BAD_NAME WIN32_HR(123)
#define HR_NOT_EMPTY WIN32_HR(145)
#define HR_DIRECTORY WIN32_HR(267)
#define HR_UNAVAILABLE WIN32_HR(369)   /* ERROR_FILE_SYSTEM_VIRTUALIZATION_UNAVAILABLE */
#define HR_ABORTED WIN32_HR(995)
#define HR_PENDING WIN32_HR(997)
#define HR_CORRUPT WIN32_HR(1392)

enum { PLACEHOLDER = 1, HYDRATED = 2, DIRTY = 4, FULL = 8, TOMBSTONE = 16 };
enum {
    NOTIFY_NEW = 0x4, NOTIFY_OVERWRITTEN = 0x8, NOTIFY_PRE_DELETE = 0x10, NOTIFY_PRE_RENAME = 0x20, NOTIFY_PRE_LINK = 0x40,
    NOTIFY_RENAMED = 0x80, NOTIFY_LINKED = 0x100, NOTIFY_MODIFIED = 0x400, NOTIFY_DELETED = 0x800, NOTIFY_PRE_FULL = 0x1000
};

/* The library's structures, with its layout (which the tests compare for the provider's declarations). */
typedef struct { uint32_t a; uint16_t b, c; uint8_t d[8]; } prj_guid;
typedef struct { uint8_t provider[128], content[128]; } prj_version;
typedef struct { uint8_t is_directory; int64_t size, created, accessed, written, changed; uint32_t attributes; } prj_basic;
typedef struct { prj_basic basic; uint32_t ea[2], security[2], streams[2]; prj_version version; uint8_t variable[1]; } prj_placeholder;
typedef struct { uint32_t type, next; const wch *target; } prj_extended;
typedef struct {
    uint32_t size, flags;
    void *context;
    int32_t command;
    prj_guid file, stream;
    const wch *path;
    prj_version *version;
    uint32_t process;
    const wch *image;
    void *instance;
} prj_data;
typedef struct {
    hr (*start)(const prj_data *, const prj_guid *);
    hr (*end)(const prj_data *, const prj_guid *);
    hr (*get)(const prj_data *, const prj_guid *, const wch *, void *);
    hr (*placeholder)(const prj_data *);
    hr (*data)(const prj_data *, uint64_t, uint32_t);
    hr (*query)(const prj_data *);
    hr (*notify)(const prj_data *, uint8_t, uint32_t, const wch *, uint32_t *);
    void (*cancel)(const prj_data *);
} prj_callbacks;
typedef struct { uint32_t mask; const wch *root; } prj_mapping;
typedef struct { uint32_t flags, pool, concurrent; prj_mapping *mappings; uint32_t mappings_count; } prj_options;
_Static_assert(sizeof(prj_data) == 96 && sizeof(prj_placeholder) == 344 && sizeof(prj_callbacks) == 64, "layout");

/* What lies on the disk, or lay there. Never freed. */
typedef struct entry {
    struct entry *next;
    wch *path; /* relative, as spelled on the disk */
    uint32_t state;
    int busy; /* being hydrated */
    prj_basic basic;
    prj_version version;
    wch *link;
    struct command *filling;
} entry;

enum { COMMAND_FREE, COMMAND_CALLED, COMMAND_PENDING, COMMAND_DONE, COMMAND_CANCELLED };
typedef struct command {
    int state;
    hr result;
    entry *file;             /* GetFileData: whose content */
    uint64_t offset, length; /* ... which part */
    uint64_t got;            /* ... and how much of it came */
    const wch *wanted;       /* GetPlaceholderInfo: the path */
    struct dirbuf *buffer;   /* GetDirectoryEnumeration */
} command;

#define COMMANDS 512
#define BUCKETS 4096
typedef struct instance {
    struct instance *next;
    wch *root;
    prj_callbacks calls;
    prj_options options;
    uint32_t mask;
    void *provider;
    entry *entries[BUCKETS];
    entry *negative[BUCKETS];
    command commands[COMMANDS];
    int running; /* callbacks */
    int started, stopped;
    uint32_t counts[16];
    uint32_t violations;
    char violation[256];
} instance;

/* Indexes of counts; DoubleCounts returns them. */
enum {
    COUNT_PLACEHOLDERS, COUNT_DATA, COUNT_STARTS, COUNT_GETS, COUNT_ENDS, COUNT_QUERIES, COUNT_NOTIFICATIONS, COUNT_CANCELS, COUNT_PENDING,
    COUNT_NEGATIVE, COUNT_LATE, COUNT_MOST_RUNNING, COUNT_MOST_PENDING, COUNT_WRITES
};

/* What the tests set, for all instances. */
extern struct settings {
    uint32_t buffer_entries;  /* lines that fit into a directory buffer */
    uint32_t data_chunk;      /* bytes asked for at once; 0: all */
    uint32_t hide_tombstones; /* the provider's process does not see them */
    uint32_t lose_ends;       /* handles are closed without a word */
    uint32_t fail_writes;     /* PrjWriteFileData fails with this HRESULT */
    uint32_t single_entries;  /* one line is asked for at a time */
} settings;

/* names.c */
size_t wlen(const wch *text);
wch *wcopy(const wch *text);
wch *wjoin(const wch *directory, const wch *name); /* with a '\' unless the directory is empty */
wch *wparent(const wch *path);
const wch *wname(const wch *path);
wch wupper(wch character);
uint32_t whash(const wch *path);
API int PrjFileNameCompare(const wch *left, const wch *right);
API uint8_t PrjFileNameMatch(const wch *name, const wch *pattern);

/* disk.c: paths are relative to the root. Return 0, or -1. */
int disk_directory(const wch *root, const wch *path);
int disk_file(const wch *root, const wch *path, int64_t size, int64_t time);
int disk_link(const wch *root, const wch *path, const wch *target);
int disk_time(const wch *root, const wch *path, int64_t time);
int disk_write(const wch *root, const wch *path, uint64_t offset, const void *data, uint32_t length);
int64_t disk_read(const wch *root, const wch *path, uint64_t offset, void *data, uint32_t length);
int64_t disk_size(const wch *root, const wch *path); /* -1: there is none */
int disk_remove(const wch *root, const wch *path, int is_directory);
int disk_move(const wch *root, const wch *from, const wch *to);
int disk_hard_link(const wch *root, const wch *from, const wch *to);
void *aligned_get(size_t size);
void aligned_free(void *memory);

/* One lock for all of the double; 'changed' is broadcast with every change. */
void lock(void);
void unlock(void);
void wait_changed(void);
void broadcast_changed(void);

/* library.c; with the lock held, but for call_* which take it. */
instance *instance_of(const wch *root);
entry *find_entry(instance *i, const wch *path);
entry *make_entry(instance *i, const wch *path);
entry *find_negative(instance *i, const wch *path, int make);
int is_present(const entry *e);
void violate(instance *i, const char *text);

/* A call of the provider: begin, call without the lock, end (which waits when it is pending). */
typedef struct {
    prj_data data;
    wch *path;
    prj_version version;
    command *command;
} callback;
void call_begin(instance *i, callback *c, const wch *path, const prj_version *version, uint32_t flags);
hr call_end(instance *i, callback *c, hr result);

typedef struct dirbuf {
    uint32_t capacity, count;
    int valid;
    wch **names;
    prj_basic *basics;
    wch **links;
} dirbuf;

#endif
