/*
 * Fakes of pool, lookaside lists and user memory. Pool blocks have guards on both sides and are filled; a block of a lookaside list is
 * filled again when it is given back, so that a use after that shows; tags must agree. User memory is without access but for the imported
 * RtlMoveMemory, since clang guards only calls by __try.
 */
#include "harness.h"

__declspec(dllimport) void *__stdcall VirtualAlloc(void *, SIZE_T, ULONG, ULONG);
__declspec(dllimport) int __stdcall VirtualProtect(void *, SIZE_T, ULONG, ULONG *);
__declspec(dllimport) void __stdcall RaiseException(ULONG, ULONG, ULONG, const ULONG_PTR *);

#define GUARD 0x52455052475541ffull
#define NO_ACCESS 0x01u
#define READ_WRITE 0x04u
#define HIGHEST_USER_ADDRESS 0x7fffffff0000ull

struct fake_memory memory = {0, 0, -1};
UCHAR *user_page;
UCHAR kernel_page[4096];

struct block {
    ULONGLONG guard;
    SIZE_T size;
    ULONG tag;
    ULONG in_list;
};

static PPAGED_LOOKASIDE_LIST lookaside;
static PVOID listed[64];
static USHORT listed_count;

static struct block *block_of(PVOID bytes)
{
    return (struct block *)bytes - 1;
}

static void check_guards(const struct block *block)
{
    ULONGLONG behind;

    memcpy(&behind, (const UCHAR *)(block + 1) + block->size, sizeof behind);
    INVARIANT(block->guard == GUARD && behind == GUARD);
}

static PVOID NTAPI allocate(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    const ULONGLONG guard = GUARD;
    struct block *block;

    INVARIANT(type == PagedPool && size > 0 && tag == 'rpeR');
    if (memory.fail_after == 0)
        return NULL;
    if (memory.fail_after > 0)
        memory.fail_after--;
    block = malloc(sizeof *block + size + sizeof guard);
    block->guard = guard;
    block->size = size;
    block->tag = tag;
    block->in_list = 0;
    memset(block + 1, 0xcd, size);
    memcpy((UCHAR *)(block + 1) + size, &guard, sizeof guard);
    memory.outstanding++;
    memory.in_use++;
    return block + 1;
}

static VOID NTAPI release_tagged(PVOID bytes, ULONG tag)
{
    struct block *block = block_of(bytes);

    check_guards(block);
    INVARIANT(block->tag == tag && !block->in_list);
    block->guard = 0;
    memory.outstanding--;
    memory.in_use--;
    free(block);
}

static VOID NTAPI release(PVOID bytes)
{
    release_tagged(bytes, 'rpeR');
}

static VOID NTAPI lookaside_init(
    PPAGED_LOOKASIDE_LIST list, PALLOCATE_FUNCTION get, PFREE_FUNCTION put, ULONG flags, SIZE_T size, ULONG tag, USHORT depth)
{
    INVARIANT(!lookaside && !get && !put && flags == 0 && depth == 0);
    INVARIANT(((ULONG_PTR)list & 15) == 0); /* a list head is used with 16-byte instructions */
    memset(list, 0, sizeof *list);
    list->L.Depth = 4;
    list->L.Type = PagedPool;
    list->L.Tag = tag;
    list->L.Size = (ULONG)size;
    list->L.Allocate = allocate;
    list->L.Free = release;
    lookaside = list;
    listed_count = 0;
}

static VOID NTAPI lookaside_delete(PPAGED_LOOKASIDE_LIST list)
{
    INVARIANT(list == lookaside && memory.in_use == 0);
    while (listed_count > 0) {
        PVOID bytes = listed[--listed_count];

        block_of(bytes)->in_list = 0;
        memory.in_use++;
        release(bytes);
    }
    lookaside = NULL;
}

static PVOID NTAPI list_pop(PSLIST_HEADER head)
{
    PVOID bytes;

    INVARIANT(lookaside && head == &lookaside->L.ListHead);
    if (listed_count == 0 || memory.fail_after >= 0) /* a test of missing memory is not helped by the list */
        return NULL;
    bytes = listed[--listed_count];
    check_guards(block_of(bytes));
    for (SIZE_T i = 0; i < block_of(bytes)->size; i++)
        if (((UCHAR *)bytes)[i] != 0xdd) {
            INVARIANT(!"a block was written to after it was given back");
            break;
        }
    block_of(bytes)->in_list = 0;
    memory.in_use++;
    return bytes;
}

static PVOID NTAPI list_push(PSLIST_HEADER head, PVOID bytes)
{
    INVARIANT(lookaside && head == &lookaside->L.ListHead && listed_count < RTL_NUMBER_OF(listed));
    check_guards(block_of(bytes));
    INVARIANT(!block_of(bytes)->in_list && block_of(bytes)->size == lookaside->L.Size);
    block_of(bytes)->in_list = 1;
    memset(bytes, 0xdd, block_of(bytes)->size);
    listed[listed_count++] = bytes;
    memory.in_use--;
    return NULL;
}

static USHORT NTAPI list_depth(PSLIST_HEADER head)
{
    INVARIANT(lookaside && head == &lookaside->L.ListHead);
    return listed_count;
}

void user_memory_init(void)
{
    ULONG before;

    user_page = VirtualAlloc(NULL, USER_PAGE_SIZE, 0x3000, READ_WRITE);
    VirtualProtect(user_page, USER_PAGE_SIZE, NO_ACCESS, &before);
}

static BOOLEAN in_user_page(const void *address)
{
    return (const UCHAR *)address >= user_page && (const UCHAR *)address < user_page + USER_PAGE_SIZE;
}

static VOID NTAPI move(VOID *into, const VOID *from, SIZE_T size)
{
    ULONG before;
    BOOLEAN user = in_user_page(into) || in_user_page(from);

    if (user)
        VirtualProtect(user_page, USER_PAGE_SIZE, READ_WRITE, &before);
    memmove(into, from, size); /* a bad address raises the exception that the driver must catch */
    if (user)
        VirtualProtect(user_page, USER_PAGE_SIZE, NO_ACCESS, &before);
}

void user_write(ULONG offset, const void *from, ULONG size)
{
    move(user_page + offset, from, size);
}

void user_read(void *into, ULONG offset, ULONG size)
{
    move(into, user_page + offset, size);
}

/* An address of the kernel, or one that wraps, is refused. */
static VOID NTAPI probe(const volatile VOID *address, SIZE_T size, ULONG alignment)
{
    INVARIANT(alignment == 1);
    if ((ULONG_PTR)address + size > HIGHEST_USER_ADDRESS || (ULONG_PTR)address + size < (ULONG_PTR)address ||
        ((const volatile UCHAR *)address >= kernel_page && (const volatile UCHAR *)address < kernel_page + sizeof kernel_page))
        RaiseException((ULONG)STATUS_ACCESS_VIOLATION, 0, 0, NULL);
}

void *fake_memory_import(const char *name)
{
    static const struct {
        const char *name;
        void *fake;
    } fakes[] = {
        {"ExAllocatePoolWithTag", (void *)allocate},
        {"ExFreePoolWithTag", (void *)release_tagged},
        {"ExInitializePagedLookasideList", (void *)lookaside_init},
        {"ExDeletePagedLookasideList", (void *)lookaside_delete},
        {"ExpInterlockedPopEntrySList", (void *)list_pop},
        {"ExpInterlockedPushEntrySList", (void *)list_push},
        {"ExQueryDepthSList", (void *)list_depth},
        {"ProbeForRead", (void *)probe},
        {"ProbeForWrite", (void *)probe},
        {"RtlMoveMemory", (void *)move},
        {"__C_specific_handler", (void *)__C_specific_handler},
        {"memcpy", (void *)memcpy},
        {"memmove", (void *)memmove},
        {"memset", (void *)memset},
    };

    for (size_t i = 0; i < RTL_NUMBER_OF(fakes); i++)
        if (!strcmp(name, fakes[i].name))
            return fakes[i].fake;
    return NULL;
}
