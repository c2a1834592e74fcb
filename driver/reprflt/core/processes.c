#include "processes.h"

/* Where to look for a process. */
static rc_u32 bucket_of(rc_u64 id)
{
    return (rc_u32)(((id >> 2) * 2654435761u) >> 7) % RC_PROCESS_BUCKETS; /* process numbers are multiples of four */
}

/* The link that leads to the process's entry, or the one at the end of its bucket. */
static rc_u32 *link_to(struct rc_processes *processes, rc_u64 id)
{
    rc_u32 *link = &processes->buckets[bucket_of(id)];

    while (*link && processes->entries[*link - 1].id != id)
        link = &processes->entries[*link - 1].next;
    return link;
}

void rc_processes_init(struct rc_processes *processes)
{
    processes->used = processes->orphans = processes->free = processes->fresh = 0;
    for (rc_u32 i = 0; i < RC_PROCESS_BUCKETS; i++)
        processes->buckets[i] = 0;
}

int rc_processes_add(struct rc_processes *processes, rc_u64 id, rc_u32 slot)
{
    struct rc_process *entry;
    rc_u32 *link, index;

    (void)rc_processes_remove(processes, id);
    if (processes->free) {
        index = processes->free;
        processes->free = processes->entries[index - 1].next;
    } else if (processes->fresh < RC_MAX_PROCESSES) {
        index = ++processes->fresh;
    } else {
        return 0;
    }
    link = link_to(processes, id);
    entry = &processes->entries[index - 1];
    entry->id = id;
    entry->slot = slot;
    entry->next = 0;
    *link = index;
    processes->used++;
    processes->orphans += slot == RC_ORPHAN;
    return 1;
}

int rc_processes_remove(struct rc_processes *processes, rc_u64 id)
{
    rc_u32 *link = link_to(processes, id), index = *link;
    struct rc_process *entry;

    if (!index)
        return 0;
    entry = &processes->entries[index - 1];
    *link = entry->next;
    entry->next = processes->free;
    processes->free = index;
    processes->used--;
    processes->orphans -= entry->slot == RC_ORPHAN;
    return 1;
}

rc_u32 rc_processes_find(const struct rc_processes *processes, rc_u64 id)
{
    for (rc_u32 i = processes->buckets[bucket_of(id)]; i; i = processes->entries[i - 1].next)
        if (processes->entries[i - 1].id == id)
            return processes->entries[i - 1].slot;
    return RC_UNTRACKED;
}

rc_u32 rc_processes_orphan(struct rc_processes *processes, rc_u32 slot)
{
    rc_u32 orphaned = 0;

    for (rc_u32 bucket = 0; bucket < RC_PROCESS_BUCKETS; bucket++) {
        for (rc_u32 i = processes->buckets[bucket]; i; i = processes->entries[i - 1].next) {
            if (processes->entries[i - 1].slot == slot) {
                processes->entries[i - 1].slot = RC_ORPHAN;
                orphaned++;
            }
        }
    }
    processes->orphans += orphaned;
    return orphaned;
}

enum rc_birth rc_processes_born(struct rc_processes *processes, rc_u64 id, rc_u64 creator, rc_u64 parent)
{
    rc_u32 slot;

    (void)rc_processes_remove(processes, id);
    slot = rc_processes_find(processes, creator);
    if (slot == RC_UNTRACKED)
        slot = rc_processes_find(processes, parent);
    if (slot == RC_UNTRACKED)
        return RC_STRANGER;
    return rc_processes_add(processes, id, slot) ? RC_INHERITED : RC_NO_ROOM;
}
