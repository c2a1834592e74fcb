/* Names of open files, as the file system below knows them. */
#include "reprflt.h"

/* What nearly every answer fits into: the lookaside list's size. */
#define FIRST_ANSWER 4096u

C_ASSERT(FileNameInformation == 9 && FileAllInformation == 18 && FileNormalizedNameInformation == 48);
C_ASSERT(FIELD_OFFSET(FILE_ALL_INFORMATION, NameInformation) == 96 && FIELD_OFFSET(FILE_NAME_INFORMATION, FileName) == 4);

NTSTATUS repr_device_of(PCFLT_RELATED_OBJECTS objects, struct repr_device *device)
{
    UNICODE_STRING string = {0, sizeof device->chars, device->chars};
    NTSTATUS status = FltGetVolumeName(objects->Volume, &string, NULL);

    device->name.chars = (const rc_char *)device->chars;
    device->name.length = NT_SUCCESS(status) ? string.Length / sizeof(WCHAR) : 0;
    return status;
}

NTSTATUS repr_ask_name(PFLT_INSTANCE instance, PFILE_OBJECT file, FILE_INFORMATION_CLASS class, ULONG offset, struct repr_buffer *answer,
    struct rc_text *name)
{
    ULONG size = FIRST_ANSWER, before = offset + FIELD_OFFSET(FILE_NAME_INFORMATION, FileName), returned;
    PFILE_NAME_INFORMATION information;
    NTSTATUS status;

    for (int attempt = 0;; attempt++) {
        status = repr_take(answer, size);
        if (!NT_SUCCESS(status))
            return status;
        status = FltQueryInformationFile(instance, file, answer->bytes, size, class, &returned);
        information = (PFILE_NAME_INFORMATION)((PUCHAR)answer->bytes + offset);
        if (status != STATUS_BUFFER_OVERFLOW || attempt > 0 || information->FileNameLength > RC_MAX_PATH * sizeof(WCHAR))
            break;
        size = before + information->FileNameLength;
        repr_give_back(answer);
    }
    if (status == STATUS_SUCCESS && (returned < before || information->FileNameLength > size - before))
        status = STATUS_UNSUCCESSFUL; /* an answer that contradicts itself */
    if (status != STATUS_SUCCESS) {
        repr_give_back(answer);
        return NT_SUCCESS(status) || status == STATUS_BUFFER_OVERFLOW ? STATUS_UNSUCCESSFUL : status;
    }
    name->chars = (const rc_char *)information->FileName;
    name->length = information->FileNameLength / sizeof(WCHAR);
    return STATUS_SUCCESS;
}
