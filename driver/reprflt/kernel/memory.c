/* Memory, and the only two functions that touch an address of a user process. */
#include "reprflt.h"

/* Enough for the names of nearly all requests, and for every message. */
#define USUAL_SIZE 4096u

static PAGED_LOOKASIDE_LIST usual;

/*
 * clang (14 at least) guards only calls by __try, not its own loads, stores and built-in copies: an inlined copy of a bad address would
 * stop the machine. So the copy must stay a call of an imported function.
 */
#undef RtlMoveMemory
NTSYSAPI VOID NTAPI RtlMoveMemory(VOID *, const VOID *, SIZE_T);

VOID repr_memory_init(void)
{
    ExInitializePagedLookasideList(&usual, NULL, NULL, 0, USUAL_SIZE, REPR_TAG, 0);
}

VOID repr_memory_end(void)
{
    ExDeletePagedLookasideList(&usual);
}

NTSTATUS repr_take(struct repr_buffer *buffer, ULONG size)
{
    buffer->bytes = size <= USUAL_SIZE ? ExAllocateFromPagedLookasideList(&usual) : repr_allocate(size);
    buffer->size = buffer->bytes ? size : 0;
    return buffer->bytes ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

VOID repr_give_back(struct repr_buffer *buffer)
{
    if (!buffer->bytes)
        return;
    if (buffer->size <= USUAL_SIZE)
        ExFreeToPagedLookasideList(&usual, buffer->bytes);
    else
        repr_free(buffer->bytes);
    buffer->bytes = NULL;
    buffer->size = 0;
}

PVOID repr_allocate(SIZE_T size)
{
    return ExAllocatePoolWithTag(PagedPool, size, REPR_TAG); /* ExAllocatePool2 is there since Windows 10 2004 only */
}

VOID repr_free(PVOID memory)
{
    if (memory)
        ExFreePoolWithTag(memory, REPR_TAG);
}

NTSTATUS repr_copy_from_user(PVOID into, PVOID user, ULONG size)
{
    NTSTATUS status = STATUS_SUCCESS;

    __try {
        ProbeForRead(user, size, 1);
        RtlMoveMemory(into, user, size);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = STATUS_ACCESS_VIOLATION;
    }
    return status;
}

NTSTATUS repr_copy_to_user(PVOID user, PVOID from, ULONG size)
{
    NTSTATUS status = STATUS_SUCCESS;

    __try {
        ProbeForWrite(user, size, 1);
        RtlMoveMemory(user, from, size);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = STATUS_ACCESS_VIOLATION;
    }
    return status;
}
