/* Opens: where a tracked process is sent into its action's staging directory. */
#include "reprflt.h"

#define CHANGING_ACCESS                                                                                                                \
    (FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES | FILE_DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER | \
        ACCESS_SYSTEM_SECURITY | MAXIMUM_ALLOWED | GENERIC_WRITE | GENERIC_ALL)
#define DATA_ACCESS (FILE_READ_DATA | CHANGING_ACCESS | GENERIC_READ)
#define OPTIONS 0x00ffffffu /* of Create.Options; the disposition is above them */

/* What to do if the file is there, and if it is not: FILE_OPEN and its like. */
static ULONG disposition_of(PFLT_CALLBACK_DATA data)
{
    return data->Iopb->Parameters.Create.Options >> 24;
}

/* What the process wants to be able to do with the file. */
static ACCESS_MASK access_of(PFLT_CALLBACK_DATA data)
{
    return data->Iopb->Parameters.Create.SecurityContext->DesiredAccess;
}

/* Whether the open itself may create, empty or delete a file. */
static BOOLEAN changes_at_once(PFLT_CALLBACK_DATA data)
{
    return disposition_of(data) != FILE_OPEN || (data->Iopb->Parameters.Create.Options & FILE_DELETE_ON_CLOSE);
}

/* Whether it can change a file at all. An open for a rename's target puts an entry into the directory. */
static BOOLEAN may_change(PFLT_CALLBACK_DATA data)
{
    return changes_at_once(data) || (access_of(data) & CHANGING_ACCESS) || (data->Iopb->OperationFlags & SL_OPEN_TARGET_DIRECTORY);
}

/* The same text as the core has it. */
static struct rc_text text_of(const UNICODE_STRING *string)
{
    struct rc_text text = {(const rc_char *)string->Buffer, string->Length / sizeof(WCHAR)};

    return text;
}

/* The whole name by which a file is to be opened. The caller releases it. */
static NTSTATUS opened_name(PFLT_CALLBACK_DATA data, PFLT_FILE_NAME_INFORMATION *name)
{
    PFLT_IO_PARAMETER_BLOCK io = data->Iopb;
    UCHAR target = io->OperationFlags & SL_OPEN_TARGET_DIRECTORY;
    NTSTATUS status;

    /* With the flag, the last component would be cut off; and the name must not come from the cache or go into it. */
    io->OperationFlags &= (UCHAR)~target;
    status = FltGetFileNameInformation(
        data, FLT_FILE_NAME_OPENED | (target ? FLT_FILE_NAME_QUERY_FILESYSTEM_ONLY : FLT_FILE_NAME_QUERY_DEFAULT), name);
    io->OperationFlags |= target;
    return status;
}

/* Lets the I/O manager start again with the name in staging. */
static FLT_PREOP_CALLBACK_STATUS redirect(PFLT_CALLBACK_DATA data, const struct repr_buffer *path)
{
    NTSTATUS status = IoReplaceFileObjectName(data->Iopb->TargetFileObject, path->bytes, (USHORT)path->size);

    if (!NT_SUCCESS(status)) {
        REPR_COUNT(failed);
        return repr_fail(data, status);
    }
    REPR_COUNT(redirected);
    data->IoStatus.Status = STATUS_REPARSE;
    data->IoStatus.Information = IO_REPARSE;
    return FLT_PREOP_COMPLETE;
}

/* The volume, not a file on it: its attributes may be asked for, its sectors are everybody's files. */
static FLT_PREOP_CALLBACK_STATUS open_volume(PFLT_CALLBACK_DATA data)
{
    if ((access_of(data) & DATA_ACCESS) || changes_at_once(data))
        return repr_fail(data, repr_refusal(RC_DENY));
    REPR_COUNT(host);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

/* By number there is no name yet: what was opened is looked at afterwards, so nothing may have happened to it by then. */
static FLT_PREOP_CALLBACK_STATUS open_by_id(PFLT_CALLBACK_DATA data)
{
    return changes_at_once(data) ? repr_fail(data, repr_refusal(RC_DENY)) : FLT_PREOP_SUCCESS_WITH_CALLBACK;
}

/* Redirects, denies or lets through, as the core says of the name. */
static FLT_PREOP_CALLBACK_STATUS open_by_name(PFLT_CALLBACK_DATA data, rc_u64 process)
{
    PFLT_FILE_NAME_INFORMATION name;
    FLT_PREOP_CALLBACK_STATUS result = FLT_PREOP_SUCCESS_NO_CALLBACK;
    struct repr_buffer path;
    enum rc_verdict verdict;
    NTSTATUS status = opened_name(data, &name);

    if (!NT_SUCCESS(status)) {
        REPR_COUNT(failed);
        return repr_fail(data, status);
    }
    status = repr_rewrite(process, text_of(&name->Name), &verdict, &path);
    FltReleaseFileNameInformation(name);
    if (!NT_SUCCESS(status)) {
        REPR_COUNT(failed);
        return repr_fail(data, status);
    }
    if (verdict == RC_REDIRECT)
        result = redirect(data, &path);
    else if (verdict == RC_VOLUME)
        result = open_volume(data);
    else if (verdict == RC_HOST && !may_change(data))
        REPR_COUNT(host);
    else if (verdict != RC_STAGED)
        result = repr_fail(data, repr_refusal(verdict));
    repr_give_back(&path);
    return result;
}

FLT_PREOP_CALLBACK_STATUS FLTAPI repr_pre_create(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    rc_u64 process;
    rc_u32 slot;

    UNREFERENCED_PARAMETER(objects);
    UNREFERENCED_PARAMETER(context);
    if (data->Iopb->OperationFlags & SL_OPEN_PAGING_FILE)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    slot = repr_requestor(data, &process);
    if (slot == RC_UNTRACKED)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    REPR_COUNT(opens);
    if (slot == RC_ORPHAN)
        return repr_fail(data, repr_refusal(RC_DENY));
    if (data->Iopb->TargetFileObject->Flags & FO_VOLUME_OPEN)
        return open_volume(data);
    if (data->Iopb->Parameters.Create.Options & OPTIONS & FILE_OPEN_BY_FILE_ID)
        return open_by_id(data);
    return open_by_name(data, process);
}

/* What a process opened by its number it may keep if it could have opened it by its name. */
FLT_POSTOP_CALLBACK_STATUS FLTAPI repr_post_create(
    PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID context, FLT_POST_OPERATION_FLAGS flags)
{
    PFLT_FILE_NAME_INFORMATION name;
    struct repr_buffer path = {0};
    enum rc_verdict verdict;
    rc_u64 process;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(context);
    if ((flags & FLTFL_POST_OPERATION_DRAINING) || !NT_SUCCESS(data->IoStatus.Status) || data->IoStatus.Status == STATUS_REPARSE ||
        repr_requestor(data, &process) == RC_UNTRACKED)
        return FLT_POSTOP_FINISHED_PROCESSING;
    status = FltGetFileNameInformation(data, FLT_FILE_NAME_NORMALIZED | FLT_FILE_NAME_QUERY_DEFAULT, &name);
    if (NT_SUCCESS(status)) {
        status = repr_rewrite(process, text_of(&name->Name), &verdict, &path);
        FltReleaseFileNameInformation(name);
    }
    if (!NT_SUCCESS(status))
        REPR_COUNT(failed);
    else if (verdict == RC_HOST && !may_change(data))
        REPR_COUNT(host);
    else if (verdict != RC_STAGED) /* a name that would be redirected is the host's file of that name */
        status = repr_refusal(verdict);
    repr_give_back(&path);
    if (!NT_SUCCESS(status)) {
        FltCancelFileOpen(objects->Instance, objects->FileObject);
        data->IoStatus.Status = status;
        data->IoStatus.Information = 0;
    }
    return FLT_POSTOP_FINISHED_PROCESSING;
}

/* A query of attributes in one call cannot be redirected; refused, it comes again as an open. */
FLT_PREOP_CALLBACK_STATUS FLTAPI repr_pre_network_query_open(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    rc_u64 process;

    UNREFERENCED_PARAMETER(objects);
    UNREFERENCED_PARAMETER(context);
    return repr_requestor(data, &process) == RC_UNTRACKED ? FLT_PREOP_SUCCESS_NO_CALLBACK : FLT_PREOP_DISALLOW_FASTIO;
}
