/*
 * Renames and hard links. The I/O manager opens the target's directory through repr_pre_create, so the file system puts the file where it
 * belongs; but the request still carries the requester's path, by which filters below (ProjFS, virus scanners) would judge it. It is sent
 * again with the path in staging.
 */
#include "reprflt.h"

C_ASSERT(FileRenameInformation == 10 && FileLinkInformation == 11 && FileRenameInformationEx == 65 && FileLinkInformationEx == 72);
C_ASSERT(FIELD_OFFSET(FILE_RENAME_INFORMATION, RootDirectory) == FIELD_OFFSET(FILE_LINK_INFORMATION, RootDirectory));
C_ASSERT(FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) == FIELD_OFFSET(FILE_LINK_INFORMATION, FileName));

/* FILE_LINK_INFORMATION has the same layout. */
static BOOLEAN is_rename_or_link(FILE_INFORMATION_CLASS class)
{
    return class == FileRenameInformation || class == FileRenameInformationEx || class == FileLinkInformation ||
           class == FileLinkInformationEx;
}

/* The part of a path after its last backslash. */
static struct rc_text last_component(struct rc_text path)
{
    rc_u32 start = path.length;

    while (start > 0 && path.chars[start - 1] != '\\')
        start--;
    return rc_after(path, start);
}

/* A copy of the request, which has no root directory, with device, directory and name as its target. The caller gives it back. */
static NTSTATUS retarget(const FILE_RENAME_INFORMATION *request, struct rc_text device, struct rc_text directory, struct rc_text name,
    struct repr_buffer *copy, struct rc_text *target)
{
    ULONG length = (device.length + directory.length + 1 + name.length) * sizeof(WCHAR);
    PFILE_RENAME_INFORMATION information;
    PWSTR end;
    NTSTATUS status = repr_take(copy, FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) + length);

    if (!NT_SUCCESS(status))
        return status;
    information = copy->bytes;
    RtlCopyMemory(information, request, FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName)); /* with the flags of the class */
    information->FileNameLength = length;
    end = information->FileName;
    RtlCopyMemory(end, device.chars, device.length * sizeof(WCHAR));
    end += device.length;
    RtlCopyMemory(end, directory.chars, directory.length * sizeof(WCHAR));
    end += directory.length;
    *end++ = L'\\';
    RtlCopyMemory(end, name.chars, name.length * sizeof(WCHAR));
    target->chars = (const rc_char *)information->FileName;
    target->length = length / sizeof(WCHAR);
    return STATUS_SUCCESS;
}

/* Where the target's directory really is decides, not what the request says. */
static FLT_PREOP_CALLBACK_STATUS send_again(
    PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, rc_u64 process, const FILE_RENAME_INFORMATION *request)
{
    PFLT_PARAMETERS parameters = &data->Iopb->Parameters;
    FILE_INFORMATION_CLASS class = parameters->SetFileInformation.FileInformationClass;
    struct rc_text directory, target, name = {(const rc_char *)request->FileName, request->FileNameLength / sizeof(WCHAR)};
    struct repr_buffer answer = {0}, copy = {0}, unused = {0};
    struct repr_device device;
    enum rc_verdict verdict = RC_DENY;
    NTSTATUS status = repr_device_of(objects, &device);

    name = last_component(rc_trim_end(name)); /* a directory's may have a backslash at its end */
    if (NT_SUCCESS(status))
        status = repr_ask_name(
            objects->Instance, parameters->SetFileInformation.ParentOfTarget, FileNameInformation, 0, &answer, &directory);
    if (NT_SUCCESS(status))
        status = retarget(request, device.name, rc_trim_end(directory), name, &copy, &target);
    if (NT_SUCCESS(status))
        status = repr_rewrite(process, target, &verdict, &unused);
    if (!NT_SUCCESS(status)) {
        REPR_COUNT(failed);
    } else if (verdict != RC_STAGED) {
        status = repr_refusal(verdict);
    } else if (!request->RootDirectory) {
        status = FltSetInformationFile(objects->Instance, data->Iopb->TargetFileObject, copy.bytes, copy.size, class);
        REPR_COUNT(renames);
    }
    repr_give_back(&unused);
    repr_give_back(&copy);
    repr_give_back(&answer);
    /* A target relative to an open directory, which is in staging, is right as it is. */
    return NT_SUCCESS(status) && request->RootDirectory ? FLT_PREOP_SUCCESS_NO_CALLBACK : repr_fail(data, status);
}

FLT_PREOP_CALLBACK_STATUS FLTAPI repr_pre_set_information(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    PFLT_PARAMETERS parameters = &data->Iopb->Parameters;
    PFILE_RENAME_INFORMATION request = parameters->SetFileInformation.InfoBuffer;
    ULONG length = parameters->SetFileInformation.Length;
    rc_u64 process;
    rc_u32 slot;

    UNREFERENCED_PARAMETER(context);
    if (!is_rename_or_link(parameters->SetFileInformation.FileInformationClass))
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    slot = repr_requestor(data, &process);
    if (slot == RC_UNTRACKED)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    if (slot == RC_ORPHAN)
        return repr_fail(data, repr_refusal(RC_DENY));
    if (!parameters->SetFileInformation.ParentOfTarget)
        return FLT_PREOP_SUCCESS_NO_CALLBACK; /* another name in the same directory */
    if (length < FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) ||
        request->FileNameLength > length - FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) ||
        request->FileNameLength > RC_MAX_PATH * sizeof(WCHAR))
        return repr_fail(data, STATUS_INVALID_PARAMETER);
    return send_again(data, objects, process, request);
}
