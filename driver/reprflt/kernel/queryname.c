/*
 * Queries of an open file's name: a tool that asks (GetFinalPathNameByHandle, realpath) gets the requester's path, so that no staging path
 * gets into its outputs.
 *
 * The query is answered here and not on its way back, so that a buffer too small for the longer staging path is no obstacle. What another
 * filter asks for itself (generated requests) is answered with the truth.
 */
#include "reprflt.h"

/* Where the class has its FILE_NAME_INFORMATION; or FALSE for a class without one. */
static BOOLEAN has_name(FILE_INFORMATION_CLASS class, ULONG *offset)
{
    *offset = class == FileAllInformation ? FIELD_OFFSET(FILE_ALL_INFORMATION, NameInformation) : 0;
    return class == FileNameInformation || class == FileNormalizedNameInformation || class == FileAllInformation;
}

/* What the file system fills in of a FILE_ALL_INFORMATION; the rest is the I/O manager's, and there already. */
static VOID copy_attributes(PFILE_ALL_INFORMATION into, const FILE_ALL_INFORMATION *from)
{
    into->BasicInformation = from->BasicInformation;
    into->StandardInformation = from->StandardInformation;
    into->InternalInformation = from->InternalInformation;
    into->EaInformation = from->EaInformation;
    into->PositionInformation = from->PositionInformation;
}

/* Ends the query with this name; as much of it as there is room for, as a file system does. */
static FLT_PREOP_CALLBACK_STATUS answer_with(PFLT_CALLBACK_DATA data, ULONG offset, const struct repr_buffer *name)
{
    PVOID buffer = data->Iopb->Parameters.QueryFileInformation.InfoBuffer;
    PFILE_NAME_INFORMATION information = (PFILE_NAME_INFORMATION)((PUCHAR)buffer + offset);
    ULONG before = offset + FIELD_OFFSET(FILE_NAME_INFORMATION, FileName);
    ULONG room = (data->Iopb->Parameters.QueryFileInformation.Length - before) & ~1u;
    ULONG copied = name->size < room ? name->size : room;

    information->FileNameLength = name->size;
    RtlCopyMemory(information->FileName, name->bytes, copied);
    data->IoStatus.Status = copied < name->size ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
    data->IoStatus.Information = before + copied;
    REPR_COUNT(names);
    return FLT_PREOP_COMPLETE;
}

/* Asks the file system, and answers with the requester's name if the file has one. */
static FLT_PREOP_CALLBACK_STATUS answer_query(
    PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, rc_u64 process, FILE_INFORMATION_CLASS class, ULONG offset)
{
    FLT_PREOP_CALLBACK_STATUS result = FLT_PREOP_SUCCESS_NO_CALLBACK;
    struct repr_buffer answer = {0}, path = {0};
    struct repr_device device;
    struct rc_text name;
    enum rc_verdict verdict;
    NTSTATUS status;

    if (!NT_SUCCESS(repr_device_of(objects, &device)))
        return FLT_PREOP_SUCCESS_NO_CALLBACK; /* no volume with staging directories has such a name */
    status = repr_ask_name(objects->Instance, data->Iopb->TargetFileObject, class, offset, &answer, &name);
    if (status == STATUS_INSUFFICIENT_RESOURCES)
        return repr_fail(data, status);
    if (!NT_SUCCESS(status))
        return FLT_PREOP_SUCCESS_NO_CALLBACK; /* the file system will say so itself */
    status = repr_unrewrite(process, device.name, name, &verdict, &path);
    if (!NT_SUCCESS(status)) {
        result = repr_fail(data, status);
    } else if (verdict == RC_REDIRECT) {
        if (offset)
            copy_attributes(data->Iopb->Parameters.QueryFileInformation.InfoBuffer, answer.bytes);
        result = answer_with(data, offset, &path);
    } else if (verdict != RC_STAGED && verdict != RC_HOST) {
        result = repr_fail(data, repr_refusal(verdict));
    }
    repr_give_back(&path);
    repr_give_back(&answer);
    return result;
}

FLT_PREOP_CALLBACK_STATUS FLTAPI repr_pre_query_information(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    FILE_INFORMATION_CLASS class = data->Iopb->Parameters.QueryFileInformation.FileInformationClass;
    rc_u64 process;
    ULONG offset;

    UNREFERENCED_PARAMETER(context);
    if (!has_name(class, &offset) || (data->Flags & FLTFL_CALLBACK_DATA_GENERATED_IO) ||
        data->Iopb->Parameters.QueryFileInformation.Length < offset + FIELD_OFFSET(FILE_NAME_INFORMATION, FileName) ||
        repr_requestor(data, &process) == RC_UNTRACKED)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    return answer_query(data, objects, process, class, offset);
}
