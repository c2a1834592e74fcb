/* The process tree: what a tracked process starts is tracked before it runs, or does not run. */
#include "reprflt.h"

VOID NTAPI repr_on_process(PEPROCESS process, HANDLE id, PPS_CREATE_NOTIFY_INFO created)
{
    UNREFERENCED_PARAMETER(process);
    if (!repr_is_busy())
        return; /* none that could have children, or end */
    FltAcquirePushLockExclusive(&repr.lock);
    if (!created) {
        (void)rc_processes_remove(&repr.processes, (rc_u64)(ULONG_PTR)id);
    } else {
        enum rc_birth birth = rc_processes_born(&repr.processes, (rc_u64)(ULONG_PTR)id,
            (rc_u64)(ULONG_PTR)created->CreatingThreadId.UniqueProcess, (rc_u64)(ULONG_PTR)created->ParentProcessId);

        if (birth == RC_INHERITED)
            REPR_COUNT(inherited);
        if (birth == RC_NO_ROOM) {
            REPR_COUNT(refused);
            created->CreationStatus = STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    FltReleasePushLock(&repr.lock);
}
