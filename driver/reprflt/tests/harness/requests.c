/* Requests of processes, as the filter manager hands them to the driver. */
#include "harness.h"

struct fake_volume *request_volume = &volumes[0];

static const FLT_OPERATION_REGISTRATION *operation(UCHAR major)
{
    const FLT_OPERATION_REGISTRATION *at = kernel.registration->OperationRegistration;

    while (at->MajorFunction != major && at->MajorFunction != IRP_MJ_OPERATION_END)
        at++;
    INVARIANT(at->MajorFunction == major && at->PreOperation);
    return at;
}

/* A request and what belongs to it. */
struct request {
    FLT_IO_PARAMETER_BLOCK io;
    FLT_RELATED_OBJECTS objects;
    FLT_CALLBACK_DATA data;
    int in_use;
};

static void prepare(struct request *request, UCHAR major, ULONG process, PFILE_OBJECT file)
{
    PFLT_IO_PARAMETER_BLOCK io = &request->io;
    FLT_RELATED_OBJECTS objects = {
        sizeof objects, 0, (PFLT_FILTER)0x1000, (PFLT_VOLUME)request_volume, (PFLT_INSTANCE)request_volume, file, NULL};

    memset(request, 0, sizeof *request);
    memcpy((void *)&request->objects, &objects, sizeof objects); /* constant members */
    memcpy((UCHAR *)&request->data + FIELD_OFFSET(FLT_CALLBACK_DATA, Iopb), &io, sizeof io);
    request->io.MajorFunction = major;
    request->io.TargetFileObject = file;
    request->io.TargetInstance = (PFLT_INSTANCE)request_volume;
    request->data.IoStatus.Status = (NTSTATUS)0x77777777;
    request->in_use = memory.in_use;
    kernel.requestor = process;
}

static FLT_PREOP_CALLBACK_STATUS before(struct request *request)
{
    PVOID context = NULL;
    FLT_PREOP_CALLBACK_STATUS result = operation(request->io.MajorFunction)->PreOperation(&request->data, &request->objects, &context);

    check_balance();
    INVARIANT(memory.in_use == request->in_use && !context);
    INVARIANT((result == FLT_PREOP_COMPLETE) == (request->data.IoStatus.Status != (NTSTATUS)0x77777777));
    return result;
}

/* What the file system opened by number, seen by the driver afterwards. */
static enum outcome after_open(struct request *request, const struct open *open, NTSTATUS *status)
{
    int canceled = kernel.canceled;

    kernel.name = open->by_id;
    request->data.IoStatus.Status = open->opened;
    request->data.IoStatus.Information = FILE_OPENED;
    INVARIANT(operation(IRP_MJ_CREATE)->PostOperation(&request->data, &request->objects, NULL, 0) == FLT_POSTOP_FINISHED_PROCESSING);
    check_balance();
    INVARIANT(memory.in_use == request->in_use);
    *status = request->data.IoStatus.Status;
    INVARIANT((kernel.canceled > canceled) == (*status != open->opened)); /* a file is closed if and only if it is refused */
    return NT_SUCCESS(*status) ? PASSED : FAILED;
}

enum outcome open_file(struct open open, NTSTATUS *status)
{
    struct fake_file file = {0};
    IO_SECURITY_CONTEXT security = {.DesiredAccess = open.access ? open.access : READ};
    struct request request;
    FLT_PREOP_CALLBACK_STATUS result;

    prepare(&request, IRP_MJ_CREATE, open.process, &file.object);
    request.io.OperationFlags = open.flags;
    request.io.Parameters.Create.SecurityContext = &security;
    request.io.Parameters.Create.Options = ((open.disposition ? open.disposition - 1 : FILE_OPEN) << 24) | open.options;
    file.object.Flags = open.file_flags;
    kernel.name = open.name;
    kernel.replaced[0] = 0;
    result = before(&request);
    *status = request.data.IoStatus.Status;
    INVARIANT(request.io.OperationFlags == open.flags);
    if (result == FLT_PREOP_SUCCESS_WITH_CALLBACK)
        return after_open(&request, &open, status);
    if (result != FLT_PREOP_COMPLETE) {
        INVARIANT(result == FLT_PREOP_SUCCESS_NO_CALLBACK && !kernel.replaced[0]);
        return PASSED;
    }
    INVARIANT(request.data.IoStatus.Information == (*status == STATUS_REPARSE ? (ULONG_PTR)IO_REPARSE : 0));
    return *status == STATUS_REPARSE ? REDIRECTED : FAILED;
}

enum outcome open_read(ULONG process, const WCHAR *name)
{
    NTSTATUS status;

    return open_file((struct open){.process = process, .name = name}, &status);
}

int redirects_to(ULONG process, const WCHAR *name, const WCHAR *expected)
{
    return open_read(process, name) == REDIRECTED && !wcscmp(kernel.replaced, expected);
}

int denied(struct open open)
{
    NTSTATUS status;

    return open_file(open, &status) == FAILED && status == STATUS_ACCESS_DENIED;
}

enum outcome query(
    ULONG process, ULONG flags, struct fake_file *file, FILE_INFORMATION_CLASS class, void *answer, ULONG size, IO_STATUS_BLOCK *result)
{
    struct request request;
    UCHAR *exact = malloc(size + 8);
    FLT_PREOP_CALLBACK_STATUS done;

    memset(exact, 0x5a, size + 8);
    prepare(&request, IRP_MJ_QUERY_INFORMATION, process, &file->object);
    request.data.Flags = flags;
    request.io.Parameters.QueryFileInformation.Length = size;
    request.io.Parameters.QueryFileInformation.FileInformationClass = class;
    request.io.Parameters.QueryFileInformation.InfoBuffer = exact;
    done = before(&request);
    for (ULONG i = 0; i < 8; i++)
        INVARIANT(exact[size + i] == 0x5a);
    memcpy(answer, exact, size);
    free(exact);
    *result = request.data.IoStatus;
    if (done != FLT_PREOP_COMPLETE)
        return PASSED;
    INVARIANT(result->Information <= size);
    return NT_SUCCESS(result->Status) || result->Status == STATUS_BUFFER_OVERFLOW ? REDIRECTED : FAILED;
}

enum outcome rename_to(
    ULONG process, FILE_INFORMATION_CLASS class, struct fake_file *parent, HANDLE root, const WCHAR *target, NTSTATUS *status)
{
    ULONG length = (ULONG)wcslen(target) * sizeof(WCHAR), size = FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) + length;
    PFILE_RENAME_INFORMATION request_buffer = malloc(size);
    struct fake_file file = {0};
    struct request request;
    FLT_PREOP_CALLBACK_STATUS done;

    memset(request_buffer, 0, size);
    request_buffer->ReplaceIfExists = 3; /* POSIX semantics too, in the extended class */
    request_buffer->RootDirectory = root;
    request_buffer->FileNameLength = length;
    memcpy(request_buffer->FileName, target, length);
    prepare(&request, IRP_MJ_SET_INFORMATION, process, &file.object);
    request.io.Parameters.SetFileInformation.Length = size;
    request.io.Parameters.SetFileInformation.FileInformationClass = class;
    request.io.Parameters.SetFileInformation.ParentOfTarget = parent ? &parent->object : NULL;
    request.io.Parameters.SetFileInformation.InfoBuffer = request_buffer;
    kernel.set_calls = 0;
    done = before(&request);
    free(request_buffer);
    *status = request.data.IoStatus.Status;
    if (done != FLT_PREOP_COMPLETE)
        return PASSED;
    return kernel.set_calls == 1 && *status == kernel.set_status ? REDIRECTED : FAILED;
}

NTSTATUS process_created(ULONG id, ULONG creator, ULONG parent)
{
    struct fake_process process = {id, 0, 0};
    PS_CREATE_NOTIFY_INFO created = {.Size = sizeof created};

    created.CreatingThreadId.UniqueProcess = (HANDLE)(ULONG_PTR)creator;
    created.ParentProcessId = (HANDLE)(ULONG_PTR)parent;
    kernel.notify((PEPROCESS)&process, (HANDLE)(ULONG_PTR)id, &created);
    check_balance();
    return created.CreationStatus;
}

void process_ended(ULONG id)
{
    struct fake_process process = {id, 0, 0};

    kernel.notify((PEPROCESS)&process, (HANDLE)(ULONG_PTR)id, NULL);
    check_balance();
}
