/* reprflt.sys: loading, unloading, and what it is told of. */
#include "reprflt.h"

DRIVER_INITIALIZE DriverEntry;

/* Upper case as the file systems have it. */
static rc_char upcase(rc_char c)
{
    return (rc_char)RtlUpcaseUnicodeChar((WCHAR)c);
}

static const FLT_OPERATION_REGISTRATION operations[] = {
    {IRP_MJ_CREATE, 0, repr_pre_create, repr_post_create, NULL},
    {IRP_MJ_NETWORK_QUERY_OPEN, 0, repr_pre_network_query_open, NULL, NULL},
    {IRP_MJ_QUERY_INFORMATION, 0, repr_pre_query_information, NULL, NULL},
    {IRP_MJ_SET_INFORMATION, 0, repr_pre_set_information, NULL, NULL},
    {IRP_MJ_OPERATION_END, 0, NULL, NULL, NULL},
};

/* Attaches to every volume, network shares included: where the driver is not, a tracked process sees the host. */
static NTSTATUS FLTAPI attach(
    PCFLT_RELATED_OBJECTS objects, FLT_INSTANCE_SETUP_FLAGS flags, DEVICE_TYPE device, FLT_FILESYSTEM_TYPE file_system)
{
    UNREFERENCED_PARAMETER(objects);
    UNREFERENCED_PARAMETER(flags);
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(file_system);
    return STATUS_SUCCESS;
}

/* By hand it is not detached from a volume while a process is tracked. */
static NTSTATUS FLTAPI may_detach(PCFLT_RELATED_OBJECTS objects, FLT_INSTANCE_QUERY_TEARDOWN_FLAGS flags)
{
    UNREFERENCED_PARAMETER(objects);
    UNREFERENCED_PARAMETER(flags);
    return repr_is_busy() ? STATUS_FLT_DO_NOT_DETACH : STATUS_SUCCESS;
}

/* Undoes what DriverEntry did, as far as it came. */
static VOID undo(void)
{
    if (repr.server)
        FltCloseCommunicationPort(repr.server);
    if (repr.watching)
        (void)PsSetCreateProcessNotifyRoutineEx(repr_on_process, TRUE);
    if (repr.filter)
        FltUnregisterFilter(repr.filter); /* waits for callbacks */
    repr_forget_all();
    repr_memory_end();
    FltDeletePushLock(&repr.lock);
    RtlZeroMemory(&repr, sizeof repr);
}

/* Not while a process is tracked, unless the system insists: it would see the host from then on. */
static NTSTATUS FLTAPI unload(FLT_FILTER_UNLOAD_FLAGS flags)
{
    if (repr_is_busy() && !(flags & FLTFL_FILTER_UNLOAD_MANDATORY))
        return STATUS_FLT_DO_NOT_DETACH;
    undo();
    return STATUS_SUCCESS;
}

static const FLT_REGISTRATION registration = {
    .Size = sizeof(FLT_REGISTRATION),
    .Version = FLT_REGISTRATION_VERSION,
    .Flags = FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME, /* file contents are not looked at */
    .OperationRegistration = operations,
    .FilterUnloadCallback = unload,
    .InstanceSetupCallback = attach,
    .InstanceQueryTeardownCallback = may_detach,
};

/* The port, for administrators and SYSTEM; one worker at a time. */
static NTSTATUS open_port(void)
{
    PSECURITY_DESCRIPTOR security;
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name;
    NTSTATUS status = FltBuildDefaultSecurityDescriptor(&security, FLT_PORT_ALL_ACCESS);

    if (!NT_SUCCESS(status))
        return status;
    RtlInitUnicodeString(&name, REPRFLT_PORT_NAME);
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, security);
    status = FltCreateCommunicationPort(
        repr.filter, &repr.server, &attributes, NULL, repr_on_connect, repr_on_disconnect, repr_on_message, 1);
    FltFreeSecurityDescriptor(security);
    return status;
}

/* Starts filtering and opens the port. Fails without leaving anything behind. */
NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registry_path);
    FltInitializePushLock(&repr.lock);
    repr_memory_init();
    rc_volumes_init(&repr.volumes, upcase);
    rc_processes_init(&repr.processes);
    status = FltRegisterFilter(driver, &registration, &repr.filter);
    if (NT_SUCCESS(status)) {
        status = PsSetCreateProcessNotifyRoutineEx(repr_on_process, FALSE); /* wants an image linked with /integritycheck */
        repr.watching = NT_SUCCESS(status);
    }
    if (NT_SUCCESS(status))
        status = FltStartFiltering(repr.filter);
    if (NT_SUCCESS(status))
        status = open_port(); /* last: whoever connects finds the rest working */
    if (!NT_SUCCESS(status))
        undo();
    return status;
}
