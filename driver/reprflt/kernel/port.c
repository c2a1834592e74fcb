/* The worker's connection: messages of reprflt_protocol.h. */
#include "reprflt.h"

#define MAX_MESSAGE sizeof(struct reprflt_add_rule)
C_ASSERT(REPRFLT_DEVICE_CHARS == RC_MAX_DEVICE && REPRFLT_NAME_CHARS == RC_MAX_NAME);
C_ASSERT(REPRFLT_DEVICE_CHARS + REPRFLT_PATH_CHARS <= RC_MAX_ROOT);
C_ASSERT((int)REPRFLT_REDIRECT == RC_REDIRECT_RULE && (int)REPRFLT_HOST == RC_HOST_RULE);
C_ASSERT(sizeof(WCHAR) == sizeof(reprflt_u16));

/* The handlers below do what reprflt_protocol.h says of their message, which is in kernel memory and as large as its struct. */

/* The largest reply; its size is in the table below. */
union reply {
    struct reprflt_welcome welcome;
    struct reprflt_ended ended;
    struct reprflt_statistics statistics;
};

/* Whether a text has a length that its member can hold; makes a text of it. */
static BOOLEAN take_text(const reprflt_u16 *chars, reprflt_u32 length, reprflt_u32 capacity, struct rc_text *text)
{
    text->chars = chars;
    text->length = length;
    return length <= capacity;
}

/* How the core's outcomes are called in the protocol. */
static NTSTATUS status_of(enum rc_outcome outcome)
{
    switch (outcome) {
    case RC_OK:
        return STATUS_SUCCESS;
    case RC_FULL:
        return STATUS_INSUFFICIENT_RESOURCES;
    case RC_CONFLICT:
        return STATUS_OBJECT_NAME_COLLISION;
    case RC_NO_VOLUME:
        return STATUS_OBJECT_PATH_NOT_FOUND;
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

/* The action with this number, or NULL. The caller holds the lock. */
static struct repr_action *find_action(reprflt_u64 id)
{
    for (ULONG slot = 0; id && slot < REPR_MAX_ACTIONS; slot++)
        if (repr.actions[slot].id == id)
            return &repr.actions[slot];
    return NULL;
}

/* REPRFLT_HELLO */
static NTSTATUS hello(PVOID message, union reply *reply)
{
    UNREFERENCED_PARAMETER(message);
    reply->welcome.version = REPRFLT_VERSION;
    reply->welcome.max_volumes = RC_MAX_VOLUMES;
    reply->welcome.max_actions = REPR_MAX_ACTIONS;
    reply->welcome.max_processes = RC_MAX_PROCESSES;
    reply->welcome.max_rules = RC_MAX_RULES;
    reply->welcome.max_rule_text = RC_MAX_RULE_TEXT;
    return STATUS_SUCCESS;
}

/* Whether the driver sees the requests for this volume: a redirection on it would be without effect otherwise. */
static NTSTATUS check_attached(struct rc_text device)
{
    UNICODE_STRING name = {
        (USHORT)(device.length * sizeof(WCHAR)), (USHORT)(device.length * sizeof(WCHAR)), (PWSTR)(ULONG_PTR)device.chars};
    PFLT_INSTANCE instance;
    PFLT_VOLUME volume;
    NTSTATUS status = FltGetVolumeFromName(repr.filter, &name, &volume);

    if (!NT_SUCCESS(status))
        return STATUS_FLT_INSTANCE_NOT_FOUND;
    status = FltGetVolumeInstanceFromName(repr.filter, volume, NULL, &instance);
    FltObjectDereference(volume);
    if (!NT_SUCCESS(status))
        return STATUS_FLT_INSTANCE_NOT_FOUND;
    FltObjectDereference(instance);
    return STATUS_SUCCESS;
}

/* REPRFLT_ADD_VOLUME */
static NTSTATUS add_volume(PVOID message, union reply *reply)
{
    struct reprflt_add_volume *request = message;
    struct rc_text device, root;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(reply);
    if (!take_text(request->device, request->device_length, REPRFLT_DEVICE_CHARS, &device) ||
        !take_text(request->root, request->root_length, REPRFLT_PATH_CHARS, &root))
        return STATUS_INVALID_PARAMETER;
    status = check_attached(device);
    if (!NT_SUCCESS(status))
        return status;
    FltAcquirePushLockExclusive(&repr.lock);
    status = status_of(rc_volumes_add(&repr.volumes, device, root));
    FltReleasePushLock(&repr.lock);
    return status;
}

/* The slot for a new action, unless one has the same number or name. The caller holds the lock. */
static NTSTATUS free_slot(reprflt_u64 id, struct rc_text name, ULONG *slot)
{
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;

    for (ULONG i = 0; i < REPR_MAX_ACTIONS; i++) {
        const struct repr_action *action = &repr.actions[i];

        if (!action->id) {
            if (!NT_SUCCESS(status))
                *slot = i;
            status = STATUS_SUCCESS;
        } else {
            struct rc_text other = {action->map->name, action->map->name_length};

            if (action->id == id || (other.length == name.length && rc_is_within(name, other, repr.volumes.upcase)))
                return STATUS_OBJECT_NAME_COLLISION;
        }
    }
    return status;
}

/* REPRFLT_BEGIN_ACTION */
static NTSTATUS begin_action(PVOID message, union reply *reply)
{
    struct reprflt_begin_action *request = message;
    struct rc_map *map;
    struct rc_text name;
    ULONG slot;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(reply);
    if (!request->action || !take_text(request->name, request->name_length, REPRFLT_NAME_CHARS, &name))
        return STATUS_INVALID_PARAMETER;
    map = repr_allocate(sizeof *map);
    if (!map)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = status_of(rc_map_init(map, name));
    FltAcquirePushLockExclusive(&repr.lock);
    if (NT_SUCCESS(status))
        status = free_slot(request->action, name, &slot);
    if (NT_SUCCESS(status)) {
        repr.actions[slot].id = request->action;
        repr.actions[slot].has_processes = FALSE;
        repr.actions[slot].map = map;
        repr.statistics.actions++;
        map = NULL;
    }
    FltReleasePushLock(&repr.lock);
    repr_free(map);
    return status;
}

/* REPRFLT_ADD_RULE */
static NTSTATUS add_rule(PVOID message, union reply *reply)
{
    struct reprflt_add_rule *request = message;
    struct repr_action *action;
    struct rc_text path, target;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(reply);
    if (!take_text(request->path, request->path_length, REPRFLT_PATH_CHARS, &path) ||
        !take_text(request->target, request->target_length, REPRFLT_PATH_CHARS, &target))
        return STATUS_INVALID_PARAMETER;
    FltAcquirePushLockExclusive(&repr.lock);
    action = find_action(request->action);
    if (!action)
        status = STATUS_NOT_FOUND;
    else if (action->has_processes)
        status = STATUS_INVALID_DEVICE_STATE;
    else
        status = status_of(rc_map_add(action->map, &repr.volumes, (enum rc_rule_kind)request->kind, path, target));
    FltReleasePushLock(&repr.lock);
    return status;
}

/* Whether a process with this number was created at this time, and not another one since. */
static BOOLEAN is_that_process(reprflt_u64 id, reprflt_u64 created)
{
    PEPROCESS process;
    BOOLEAN same;

    if (!NT_SUCCESS(PsLookupProcessByProcessId((HANDLE)(ULONG_PTR)id, &process)))
        return FALSE;
    same = (reprflt_u64)PsGetProcessCreateTimeQuadPart(process) == created;
    ObDereferenceObject(process);
    return same;
}

/* REPRFLT_ADD_PROCESS */
static NTSTATUS add_process(PVOID message, union reply *reply)
{
    struct reprflt_add_process *request = message;
    struct repr_action *action;
    NTSTATUS status = STATUS_SUCCESS;

    UNREFERENCED_PARAMETER(reply);
    if (!is_that_process(request->process, request->created))
        return STATUS_INVALID_CID;
    FltAcquirePushLockExclusive(&repr.lock);
    action = find_action(request->action);
    if (!action)
        status = STATUS_NOT_FOUND;
    else if (rc_processes_find(&repr.processes, request->process) != RC_UNTRACKED)
        status = STATUS_OBJECT_NAME_COLLISION;
    else if (!rc_processes_add(&repr.processes, request->process, (rc_u32)(action - repr.actions)))
        status = STATUS_INSUFFICIENT_RESOURCES;
    else
        action->has_processes = TRUE;
    FltReleasePushLock(&repr.lock);
    return status;
}

/* REPRFLT_END_ACTION */
static NTSTATUS end_action(PVOID message, union reply *reply)
{
    struct reprflt_end_action *request = message;
    struct repr_action *action;
    struct rc_map *map = NULL;
    NTSTATUS status = STATUS_NOT_FOUND;

    FltAcquirePushLockExclusive(&repr.lock);
    action = find_action(request->action);
    if (action) {
        reply->ended.running = rc_processes_orphan(&repr.processes, (rc_u32)(action - repr.actions));
        map = action->map;
        action->map = NULL;
        action->id = 0;
        repr.statistics.actions--;
        status = STATUS_SUCCESS;
    }
    FltReleasePushLock(&repr.lock);
    repr_free(map);
    return status;
}

/* REPRFLT_QUERY_STATISTICS */
static NTSTATUS query_statistics(PVOID message, union reply *reply)
{
    UNREFERENCED_PARAMETER(message);
    FltAcquirePushLockShared(&repr.lock);
    reply->statistics = repr.statistics;
    reply->statistics.processes = repr.processes.used;
    reply->statistics.orphans = repr.processes.orphans;
    FltReleasePushLock(&repr.lock);
    return STATUS_SUCCESS;
}

/* In the order of enum reprflt_type, from 1. */
static const struct {
    ULONG size, reply_size;
    NTSTATUS (*handle)(PVOID message, union reply *reply);
} messages[] = {
    {sizeof(struct reprflt_hello), sizeof(struct reprflt_welcome), hello},
    {sizeof(struct reprflt_add_volume), 0, add_volume},
    {sizeof(struct reprflt_begin_action), 0, begin_action},
    {sizeof(struct reprflt_add_rule), 0, add_rule},
    {sizeof(struct reprflt_add_process), 0, add_process},
    {sizeof(struct reprflt_end_action), sizeof(struct reprflt_ended), end_action},
    {sizeof(struct reprflt_query_statistics), sizeof(struct reprflt_statistics), query_statistics},
};

/* Checks a message that was copied from the worker, and does what it says. */
static NTSTATUS handle(PVOID message, ULONG size, PVOID output, ULONG output_size, PULONG returned)
{
    const struct reprflt_header *header = message;
    union reply reply = {{0}};
    ULONG index = header->type - 1;
    NTSTATUS status;

    if (header->version != REPRFLT_VERSION && header->type != REPRFLT_HELLO)
        return STATUS_REVISION_MISMATCH;
    if (index >= RTL_NUMBER_OF(messages) || header->size != size || size != messages[index].size)
        return STATUS_INVALID_PARAMETER;
    if (messages[index].reply_size > 0 && (!output || output_size < messages[index].reply_size))
        return STATUS_BUFFER_TOO_SMALL; /* before it has an effect */
    status = messages[index].handle(message, &reply);
    if (NT_SUCCESS(status) && messages[index].reply_size > 0) {
        status = repr_copy_to_user(output, &reply, messages[index].reply_size);
        *returned = NT_SUCCESS(status) ? messages[index].reply_size : 0;
    }
    return status;
}

NTSTATUS FLTAPI repr_on_message(PVOID cookie, PVOID input, ULONG input_size, PVOID output, ULONG output_size, PULONG returned)
{
    struct repr_buffer message;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(cookie);
    *returned = 0;
    if (!input || input_size < sizeof(struct reprflt_header) || input_size > MAX_MESSAGE)
        return STATUS_INVALID_PARAMETER;
    status = repr_take(&message, input_size);
    if (!NT_SUCCESS(status))
        return status;
    status = repr_copy_from_user(message.bytes, input, input_size); /* once: the worker could change it meanwhile */
    if (NT_SUCCESS(status))
        status = handle(message.bytes, input_size, output, output_size, returned);
    repr_give_back(&message);
    return status;
}

NTSTATUS FLTAPI repr_on_connect(PFLT_PORT client, PVOID cookie, PVOID context, ULONG context_size, PVOID *connection)
{
    UNREFERENCED_PARAMETER(cookie);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(context_size);
    *connection = NULL;
    repr.client = client;
    return STATUS_SUCCESS;
}

/* The worker has ended, in whatever way: its actions end, and no process of theirs gets to see the host. */
VOID FLTAPI repr_on_disconnect(PVOID connection)
{
    UNREFERENCED_PARAMETER(connection);
    repr_forget_all();
    FltCloseClientPort(repr.filter, &repr.client);
}
