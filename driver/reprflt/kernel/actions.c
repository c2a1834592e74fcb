/* The tables of volumes, actions and processes under their lock, for the callbacks that ask them. */
#include "reprflt.h"

struct repr_state repr;

VOID repr_forget_all(void)
{
    FltAcquirePushLockExclusive(&repr.lock);
    for (ULONG slot = 0; slot < REPR_MAX_ACTIONS; slot++) {
        struct repr_action *action = &repr.actions[slot];

        if (!action->id)
            continue;
        (void)rc_processes_orphan(&repr.processes, slot);
        repr_free(action->map);
        action->map = NULL;
        action->id = 0;
    }
    repr.statistics.actions = 0;
    repr.volumes.count = 0;
    FltReleasePushLock(&repr.lock);
}

BOOLEAN repr_is_busy(void)
{
    return *(volatile rc_u32 *)&repr.processes.used > 0;
}

rc_u32 repr_requestor(PFLT_CALLBACK_DATA data, rc_u64 *process)
{
    PEPROCESS requestor;
    rc_u32 slot;

    /* A process is added before it runs, so it is enough for everybody else to find the table empty, without the lock. */
    if (!repr_is_busy())
        return RC_UNTRACKED;
    requestor = FltGetRequestorProcess(data); /* not the current one: a system thread may work for it */
    if (!requestor)
        return RC_UNTRACKED;
    *process = (rc_u64)(ULONG_PTR)PsGetProcessId(requestor);
    FltAcquirePushLockShared(&repr.lock);
    slot = rc_processes_find(&repr.processes, *process);
    FltReleasePushLock(&repr.lock);
    return slot;
}

/* Copies the name that the core made. The caller holds the lock: the core's name points into the map. */
static NTSTATUS keep(const struct rc_name *name, struct repr_buffer *into)
{
    NTSTATUS status = repr_take(into, rc_name_length(name) * sizeof(WCHAR));

    if (NT_SUCCESS(status))
        (void)rc_name_copy(name, into->bytes, rc_name_length(name));
    return status;
}

/* One question to the core, with the process looked up under the same lock: a slot may belong to another action a moment later. */
static NTSTATUS ask(
    rc_u64 process, const struct rc_text *device, struct rc_text path, enum rc_verdict *verdict, struct repr_buffer *into)
{
    NTSTATUS status = STATUS_SUCCESS;
    struct rc_name name;
    rc_u32 slot;

    into->bytes = NULL;
    into->size = 0;
    FltAcquirePushLockShared(&repr.lock);
    slot = rc_processes_find(&repr.processes, process);
    if (slot == RC_UNTRACKED || slot == RC_ORPHAN) /* it has ended, or its action has */
        *verdict = RC_DENY;
    else if (device)
        *verdict = rc_unrewrite(repr.actions[slot].map, &repr.volumes, *device, path, &name);
    else
        *verdict = rc_rewrite(repr.actions[slot].map, &repr.volumes, path, &name);
    if (*verdict == RC_REDIRECT)
        status = keep(&name, into);
    FltReleasePushLock(&repr.lock);
    return status;
}

NTSTATUS repr_rewrite(rc_u64 process, struct rc_text path, enum rc_verdict *verdict, struct repr_buffer *into)
{
    return ask(process, NULL, path, verdict, into);
}

NTSTATUS repr_unrewrite(
    rc_u64 process, struct rc_text device, struct rc_text path, enum rc_verdict *verdict, struct repr_buffer *into)
{
    return ask(process, &device, path, verdict, into);
}

NTSTATUS repr_refusal(enum rc_verdict verdict)
{
    switch (verdict) {
    case RC_BAD:
        REPR_COUNT(failed);
        return STATUS_OBJECT_NAME_INVALID;
    case RC_TOO_LONG:
        REPR_COUNT(failed);
        return STATUS_NAME_TOO_LONG;
    default:
        REPR_COUNT(denied);
        return STATUS_ACCESS_DENIED;
    }
}

FLT_PREOP_CALLBACK_STATUS repr_fail(PFLT_CALLBACK_DATA data, NTSTATUS status)
{
    data->IoStatus.Status = status;
    data->IoStatus.Information = 0;
    return FLT_PREOP_COMPLETE;
}
