/*
 * Runs the real reprflt.sys in a process of Windows or Wine: maps the image, binds its imports to fakes of the filter manager and the
 * kernel, and makes the calls that those would make. The fakes are strict: see kernel.c and memory.c.
 */
#ifndef REPR_TESTS_HARNESS_H
#define REPR_TESTS_HARNESS_H

#include <fltKernel.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "../../include/reprflt_protocol.h"

/* A check of a test. */
#define CHECK(condition) harness_check(!!(condition), __FILE__, __LINE__, #condition)

/* Something that always holds, asserted by the fakes at every call: counted apart. */
#define INVARIANT(condition) harness_invariant(!!(condition), __FILE__, __LINE__, #condition)

void harness_check(int passed, const char *file, int line, const char *what);
void harness_invariant(int passed, const char *file, int line, const char *what);

/* --- what is around the driver --- */

struct fake_volume {
    const WCHAR *name;
    BOOLEAN attached;
    int references;
};

struct fake_file {
    FILE_OBJECT object; /* first */
    const WCHAR *path;  /* on its volume */
    NTSTATUS status;    /* of queries */
    ULONG longer_by;    /* characters that the name grows by between two queries */
};

struct fake_process {
    ULONG id;
    LONGLONG created;
    int references;
};

/* Memory. 'fail_after' counts down at each allocation, which fails at 0; -1: none fails. */
struct fake_memory {
    int outstanding; /* blocks of pool, those in the lookaside list included */
    int in_use;      /* blocks that the driver holds */
    int fail_after;
};
extern struct fake_memory memory;

/* The filter manager and the kernel. */
struct fake_kernel {
    const FLT_REGISTRATION *registration;
    PFLT_CONNECT_NOTIFY connect;
    PFLT_DISCONNECT_NOTIFY disconnect;
    PFLT_MESSAGE_NOTIFY message;
    PCREATE_PROCESS_NOTIFY_ROUTINE_EX notify;
    BOOLEAN filtering, lock_there;
    int lock_shared, lock_exclusive, names, descriptors, client_ports;
    const char *fail; /* the import that fails next with STATUS_UNSUCCESSFUL */

    ULONG requestor;          /* of the request; 0: none */
    const WCHAR *name;        /* that FltGetFileNameInformation says; NULL: it fails */
    ULONG name_options;       /* that it was asked with */
    UCHAR name_flags;         /* Iopb->OperationFlags then */
    WCHAR replaced[33000];    /* by IoReplaceFileObjectName */
    int canceled;             /* FltCancelFileOpen */
    int set_calls;            /* FltSetInformationFile */
    NTSTATUS set_status;      /* ... answers this */
    FILE_INFORMATION_CLASS set_class;
    UCHAR set_flags;
    HANDLE set_root;
    WCHAR set_name[33000];
};
extern struct fake_kernel kernel;
extern struct fake_volume volumes[3];
extern struct fake_process processes[8];

/* Whether the driver gave everything back that it took during a request. */
void check_balance(void);

void *fake_import(const char *name);
void *fake_memory_import(const char *name);

/* A page that may be touched only by the imported RtlMoveMemory, as a user's memory ought to. */
extern UCHAR *user_page;
#define USER_PAGE_SIZE 8192u

/* Memory that can be touched, at an address that is no user's: only the probe keeps it from a user. */
extern UCHAR kernel_page[4096];

void user_memory_init(void);
void user_write(ULONG offset, const void *from, ULONG size);
void user_read(void *into, ULONG offset, ULONG size);

/* --- the driver --- */

typedef NTSTATUS(NTAPI *driver_entry)(PDRIVER_OBJECT, PUNICODE_STRING);

/* Maps and binds an image; exits if that fails. */
driver_entry map_driver(const char *path);

/* Loads the driver anew, connects and sets up: volume 3 (work root \repr\work, drive C), volume 33 (\w, drive D), action 1 (a1). */
void load_ready(void);

/* Disconnects if connected, ends all processes, unloads, and checks that nothing is left. */
void unload_clean(void);

NTSTATUS load(void);
void connect_worker(void);

/* --- messages --- */

NTSTATUS send(void *message, ULONG size, void *reply, ULONG reply_size);
NTSTATUS send_hello(struct reprflt_welcome *welcome);
NTSTATUS send_volume(const WCHAR *device, const WCHAR *root);
NTSTATUS send_begin(ULONGLONG action, const WCHAR *name);
NTSTATUS send_rule(ULONGLONG action, ULONG kind, const WCHAR *path, const WCHAR *target);
NTSTATUS send_process(ULONGLONG action, ULONG process);
NTSTATUS send_end(ULONGLONG action, ULONG *running);
struct reprflt_statistics statistics(void);
struct reprflt_header header(ULONG type, ULONG size);

/* --- requests --- */

#define V3 L"\\Device\\HarddiskVolume3"
#define S3 V3 L"\\repr\\work\\a1"
#define READ (FILE_READ_DATA | SYNCHRONIZE)
#define WRITE (FILE_WRITE_DATA | SYNCHRONIZE)

struct open {
    ULONG process;
    const WCHAR *name;
    ACCESS_MASK access;   /* 0: READ */
    ULONG disposition;    /* 0 is FILE_SUPERSEDE, so this is one more: 0 stands for FILE_OPEN */
    ULONG options;
    UCHAR flags;          /* SL_ */
    ULONG file_flags;     /* FO_ */
    const WCHAR *by_id;   /* the name that a file opened by number turns out to have */
    NTSTATUS opened;      /* what the file system says to that */
};
#define DISPOSITION(d) ((d) + 1)

enum outcome { PASSED, REDIRECTED, FAILED };

/* Opens; 'status' is the failure's. By number: through the callback after the operation too. */
enum outcome open_file(struct open open, NTSTATUS *status);

/* Short forms: the outcome of opening for reading, and whether it was redirected to this name. */
enum outcome open_read(ULONG process, const WCHAR *name);
int redirects_to(ULONG process, const WCHAR *name, const WCHAR *expected);
int denied(struct open open);

/* Queries a name; PASSED: left to the file system. 'answer' has room for 'size' bytes. */
enum outcome query(ULONG process, ULONG flags, struct fake_file *file, FILE_INFORMATION_CLASS class, void *answer, ULONG size,
    IO_STATUS_BLOCK *result);

/* Renames or links a file; 'parent' is the directory that the I/O manager opened for the target, or NULL. */
enum outcome rename_to(
    ULONG process, FILE_INFORMATION_CLASS class, struct fake_file *parent, HANDLE root, const WCHAR *target, NTSTATUS *status);

/* Creation of a process as the kernel announces it; and its end. */
NTSTATUS process_created(ULONG id, ULONG creator, ULONG parent);
void process_ended(ULONG id);

/* The volume that requests are for: volume 3 unless a test changes it. */
extern struct fake_volume *request_volume;

/* --- tests --- */

void test_loading(void);
void test_messages(void);
void test_limits(void);
void test_opens(void);
void test_processes(void);
void test_names(void);
void test_renames(void);
void test_memory(void);

#endif
