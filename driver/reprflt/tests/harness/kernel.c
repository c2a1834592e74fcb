/*
 * Fakes of the filter manager and the kernel. They check what those demand: the lock is not taken twice, no file is asked about under it,
 * what is referenced is released, ports and callbacks are undone.
 */
#include "harness.h"

struct fake_kernel kernel;
struct fake_volume volumes[3] = {{V3, TRUE, 0}, {L"\\Device\\HarddiskVolume33", TRUE, 0}, {L"\\Device\\HarddiskVolume4", FALSE, 0}};
struct fake_process processes[8];

#define FAKE(type) static type NTAPI
#define FILTER ((PFLT_FILTER)0x1000)
#define SERVER_PORT ((PFLT_PORT)0x2000)

static BOOLEAN fails(const char *import)
{
    return kernel.fail && !strcmp(kernel.fail, import);
}

static void not_locked(void)
{
    INVARIANT(kernel.lock_shared == 0 && kernel.lock_exclusive == 0);
}

FAKE(NTSTATUS) FakeRegisterFilter(PDRIVER_OBJECT driver, const FLT_REGISTRATION *registration, PFLT_FILTER *filter)
{
    INVARIANT(driver && !kernel.registration && registration->Size == sizeof *registration);
    if (fails("FltRegisterFilter"))
        return STATUS_UNSUCCESSFUL;
    kernel.registration = registration;
    *filter = FILTER;
    return STATUS_SUCCESS;
}

FAKE(VOID) FakeUnregisterFilter(PFLT_FILTER filter)
{
    INVARIANT(filter == FILTER && kernel.registration && !kernel.message); /* the port is closed before */
    kernel.registration = NULL;
    kernel.filtering = FALSE;
}

FAKE(NTSTATUS) FakeStartFiltering(PFLT_FILTER filter)
{
    INVARIANT(filter == FILTER);
    if (fails("FltStartFiltering"))
        return STATUS_UNSUCCESSFUL;
    kernel.filtering = TRUE;
    return STATUS_SUCCESS;
}

FAKE(NTSTATUS) FakeGetFileNameInformation(PFLT_CALLBACK_DATA data, FLT_FILE_NAME_OPTIONS options, PFLT_FILE_NAME_INFORMATION *name)
{
    not_locked();
    kernel.name_options = options;
    kernel.name_flags = data->Iopb->OperationFlags;
    if (!kernel.name)
        return STATUS_FLT_INVALID_NAME_REQUEST;
    *name = calloc(1, sizeof **name);
    (*name)->Name.Length = (USHORT)(wcslen(kernel.name) * sizeof(WCHAR));
    (*name)->Name.Buffer = malloc((*name)->Name.Length); /* without a terminator */
    memcpy((*name)->Name.Buffer, kernel.name, (*name)->Name.Length);
    kernel.names++;
    return STATUS_SUCCESS;
}

FAKE(VOID) FakeReleaseFileNameInformation(PFLT_FILE_NAME_INFORMATION name)
{
    memset(name->Name.Buffer, 0xdd, name->Name.Length);
    free(name->Name.Buffer);
    free(name);
    kernel.names--;
}

/* As a file system: as much of the name as fits, and its whole length. */
FAKE(NTSTATUS) FakeQueryInformationFile(
    PFLT_INSTANCE instance, PFILE_OBJECT object, PVOID buffer, ULONG size, FILE_INFORMATION_CLASS class, PULONG returned)
{
    struct fake_file *file = (struct fake_file *)object;
    ULONG offset = class == FileAllInformation ? FIELD_OFFSET(FILE_ALL_INFORMATION, NameInformation) : 0;
    ULONG before = offset + FIELD_OFFSET(FILE_NAME_INFORMATION, FileName);
    ULONG length = (ULONG)wcslen(file->path) * sizeof(WCHAR), copied;
    PFILE_NAME_INFORMATION name = (PFILE_NAME_INFORMATION)((PUCHAR)buffer + offset);

    not_locked();
    INVARIANT(instance && size >= before);
    if (file->status)
        return file->status;
    if (offset)
        memset(buffer, 0x11, offset); /* the attributes */
    copied = length < size - before ? length : size - before;
    name->FileNameLength = length;
    memcpy(name->FileName, file->path, copied);
    *returned = before + copied;
    file->path -= file->longer_by;
    return copied < length ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

FAKE(NTSTATUS) FakeSetInformationFile(PFLT_INSTANCE instance, PFILE_OBJECT object, PVOID buffer, ULONG size, FILE_INFORMATION_CLASS class)
{
    PFILE_RENAME_INFORMATION request = buffer;

    not_locked();
    INVARIANT(instance && object && size == FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) + request->FileNameLength);
    kernel.set_calls++;
    kernel.set_class = class;
    kernel.set_flags = request->ReplaceIfExists;
    kernel.set_root = request->RootDirectory;
    memcpy(kernel.set_name, request->FileName, request->FileNameLength);
    kernel.set_name[request->FileNameLength / sizeof(WCHAR)] = 0;
    return kernel.set_status;
}

FAKE(NTSTATUS) FakeGetVolumeName(PFLT_VOLUME volume, PUNICODE_STRING name, PULONG needed)
{
    const WCHAR *chars = ((struct fake_volume *)volume)->name;
    USHORT length = (USHORT)(wcslen(chars) * sizeof(WCHAR));

    INVARIANT(name && !needed);
    if (length > name->MaximumLength)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(name->Buffer, chars, length);
    name->Length = length;
    return STATUS_SUCCESS;
}

FAKE(NTSTATUS) FakeGetVolumeFromName(PFLT_FILTER filter, PCUNICODE_STRING name, PFLT_VOLUME *volume)
{
    not_locked();
    INVARIANT(filter == FILTER);
    for (size_t i = 0; i < RTL_NUMBER_OF(volumes); i++) {
        if (wcslen(volumes[i].name) * sizeof(WCHAR) != name->Length || memcmp(volumes[i].name, name->Buffer, name->Length))
            continue;
        volumes[i].references++;
        *volume = (PFLT_VOLUME)&volumes[i];
        return STATUS_SUCCESS;
    }
    return STATUS_FLT_VOLUME_NOT_FOUND;
}

FAKE(NTSTATUS) FakeGetVolumeInstanceFromName(PFLT_FILTER filter, PFLT_VOLUME volume, PCUNICODE_STRING name, PFLT_INSTANCE *instance)
{
    struct fake_volume *fake = (struct fake_volume *)volume;

    INVARIANT(filter == FILTER && !name && fake->references > 0);
    if (!fake->attached)
        return STATUS_FLT_INSTANCE_NOT_FOUND;
    fake->references++;
    *instance = (PFLT_INSTANCE)volume;
    return STATUS_SUCCESS;
}

FAKE(VOID) FakeObjectDereference(PVOID object)
{
    ((struct fake_volume *)object)->references--;
}

FAKE(VOID) FakeCancelFileOpen(PFLT_INSTANCE instance, PFILE_OBJECT object)
{
    INVARIANT(instance && object);
    kernel.canceled++;
}

static struct fake_process *find_process(ULONG id)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(processes); i++)
        if (id && processes[i].id == id)
            return &processes[i];
    return NULL;
}

FAKE(PEPROCESS) FakeGetRequestorProcess(PFLT_CALLBACK_DATA data)
{
    static struct fake_process other; /* one that the table of the test does not have */

    INVARIANT(data != NULL);
    if (!kernel.requestor || find_process(kernel.requestor))
        return (PEPROCESS)find_process(kernel.requestor);
    other.id = kernel.requestor;
    return (PEPROCESS)&other;
}

FAKE(HANDLE) FakeGetProcessId(PEPROCESS process)
{
    return (HANDLE)(ULONG_PTR)((struct fake_process *)process)->id;
}

FAKE(NTSTATUS) FakeLookupProcess(HANDLE id, PEPROCESS *process)
{
    struct fake_process *fake = find_process((ULONG)(ULONG_PTR)id);

    not_locked();
    if (!fake)
        return STATUS_INVALID_CID;
    fake->references++;
    *process = (PEPROCESS)fake;
    return STATUS_SUCCESS;
}

FAKE(LONGLONG) FakeGetCreateTime(PEPROCESS process)
{
    return ((struct fake_process *)process)->created;
}

static LONG_PTR FASTCALL FakeDereference(PVOID object)
{
    return --((struct fake_process *)object)->references;
}

FAKE(NTSTATUS) FakeSetNotify(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine, BOOLEAN remove)
{
    if (!remove && fails("PsSetCreateProcessNotifyRoutineEx"))
        return STATUS_ACCESS_DENIED;
    INVARIANT(remove ? kernel.notify == routine : !kernel.notify);
    kernel.notify = remove ? NULL : routine;
    return STATUS_SUCCESS;
}

FAKE(NTSTATUS) FakeBuildDescriptor(PSECURITY_DESCRIPTOR *descriptor, ACCESS_MASK access)
{
    INVARIANT(access == FLT_PORT_ALL_ACCESS);
    if (fails("FltBuildDefaultSecurityDescriptor"))
        return STATUS_UNSUCCESSFUL;
    *descriptor = &kernel.descriptors;
    kernel.descriptors++;
    return STATUS_SUCCESS;
}

FAKE(VOID) FakeFreeDescriptor(PSECURITY_DESCRIPTOR descriptor)
{
    INVARIANT(descriptor == &kernel.descriptors);
    kernel.descriptors--;
}

FAKE(NTSTATUS) FakeCreatePort(PFLT_FILTER filter, PFLT_PORT *port, POBJECT_ATTRIBUTES attributes, PVOID cookie, PFLT_CONNECT_NOTIFY connect,
    PFLT_DISCONNECT_NOTIFY disconnect, PFLT_MESSAGE_NOTIFY message, LONG connections)
{
    INVARIANT(filter == FILTER && !cookie && connections == 1);
    INVARIANT((attributes->Attributes & OBJ_KERNEL_HANDLE) && attributes->SecurityDescriptor == &kernel.descriptors);
    INVARIANT(!wcscmp(attributes->ObjectName->Buffer, REPRFLT_PORT_NAME));
    if (fails("FltCreateCommunicationPort"))
        return STATUS_UNSUCCESSFUL;
    kernel.connect = connect;
    kernel.disconnect = disconnect;
    kernel.message = message;
    *port = SERVER_PORT;
    return STATUS_SUCCESS;
}

FAKE(VOID) FakeClosePort(PFLT_PORT port)
{
    INVARIANT(port == SERVER_PORT && kernel.message);
    kernel.connect = NULL;
    kernel.disconnect = NULL;
    kernel.message = NULL;
}

FAKE(VOID) FakeCloseClientPort(PFLT_FILTER filter, PFLT_PORT *port)
{
    not_locked();
    INVARIANT(filter == FILTER && *port);
    *port = NULL;
    kernel.client_ports--;
}

FAKE(VOID) FakeInitializeLock(PEX_PUSH_LOCK lock)
{
    INVARIANT(lock && !kernel.lock_there);
    kernel.lock_there = TRUE;
}

FAKE(VOID) FakeDeleteLock(PEX_PUSH_LOCK lock)
{
    INVARIANT(lock && kernel.lock_there);
    not_locked();
    kernel.lock_there = FALSE;
}

FAKE(VOID) FakeAcquireExclusive(PEX_PUSH_LOCK lock)
{
    INVARIANT(lock && kernel.lock_there);
    not_locked();
    kernel.lock_exclusive++;
}

FAKE(VOID) FakeAcquireShared(PEX_PUSH_LOCK lock)
{
    INVARIANT(lock && kernel.lock_there);
    not_locked(); /* shared twice can deadlock with a writer between */
    kernel.lock_shared++;
}

FAKE(VOID) FakeReleaseLock(PEX_PUSH_LOCK lock)
{
    INVARIANT(lock && kernel.lock_shared + kernel.lock_exclusive == 1);
    kernel.lock_shared = kernel.lock_exclusive = 0;
}

FAKE(NTSTATUS) FakeReplaceName(PFILE_OBJECT object, PWSTR name, USHORT length)
{
    not_locked();
    INVARIANT(object && length % sizeof(WCHAR) == 0);
    if (fails("IoReplaceFileObjectName"))
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(kernel.replaced, name, length);
    kernel.replaced[length / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

FAKE(VOID) FakeInitString(PUNICODE_STRING string, PCWSTR chars)
{
    string->Buffer = (PWSTR)(ULONG_PTR)chars;
    string->Length = (USHORT)(wcslen(chars) * sizeof(WCHAR));
    string->MaximumLength = (USHORT)(string->Length + sizeof(WCHAR));
}

FAKE(WCHAR) FakeUpcase(WCHAR c)
{
    return (WCHAR)towupper(c);
}

void *fake_import(const char *name)
{
    static const struct {
        const char *name;
        void *fake;
    } fakes[] = {
        {"FltRegisterFilter", (void *)FakeRegisterFilter},
        {"FltUnregisterFilter", (void *)FakeUnregisterFilter},
        {"FltStartFiltering", (void *)FakeStartFiltering},
        {"FltGetFileNameInformation", (void *)FakeGetFileNameInformation},
        {"FltReleaseFileNameInformation", (void *)FakeReleaseFileNameInformation},
        {"FltQueryInformationFile", (void *)FakeQueryInformationFile},
        {"FltSetInformationFile", (void *)FakeSetInformationFile},
        {"FltGetVolumeName", (void *)FakeGetVolumeName},
        {"FltGetVolumeFromName", (void *)FakeGetVolumeFromName},
        {"FltGetVolumeInstanceFromName", (void *)FakeGetVolumeInstanceFromName},
        {"FltObjectDereference", (void *)FakeObjectDereference},
        {"FltCancelFileOpen", (void *)FakeCancelFileOpen},
        {"FltGetRequestorProcess", (void *)FakeGetRequestorProcess},
        {"FltBuildDefaultSecurityDescriptor", (void *)FakeBuildDescriptor},
        {"FltFreeSecurityDescriptor", (void *)FakeFreeDescriptor},
        {"FltCreateCommunicationPort", (void *)FakeCreatePort},
        {"FltCloseCommunicationPort", (void *)FakeClosePort},
        {"FltCloseClientPort", (void *)FakeCloseClientPort},
        {"FltInitializePushLock", (void *)FakeInitializeLock},
        {"FltDeletePushLock", (void *)FakeDeleteLock},
        {"FltAcquirePushLockExclusive", (void *)FakeAcquireExclusive},
        {"FltAcquirePushLockShared", (void *)FakeAcquireShared},
        {"FltReleasePushLock", (void *)FakeReleaseLock},
        {"IoReplaceFileObjectName", (void *)FakeReplaceName},
        {"ObfDereferenceObject", (void *)FakeDereference},
        {"PsGetProcessCreateTimeQuadPart", (void *)FakeGetCreateTime},
        {"PsGetProcessId", (void *)FakeGetProcessId},
        {"PsLookupProcessByProcessId", (void *)FakeLookupProcess},
        {"PsSetCreateProcessNotifyRoutineEx", (void *)FakeSetNotify},
        {"RtlInitUnicodeString", (void *)FakeInitString},
        {"RtlUpcaseUnicodeChar", (void *)FakeUpcase},
    };

    for (size_t i = 0; i < RTL_NUMBER_OF(fakes); i++)
        if (!strcmp(name, fakes[i].name))
            return fakes[i].fake;
    return NULL;
}
