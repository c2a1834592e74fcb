/*
 * Stand-ins for what only a Windows kernel has, so that the whole chain of a worker runs under Wine: TEST CODE, never shipped.
 *
 *   repr.exe (the product) --FilterSendMessage--> fltlib.dll (fltlib.c): keeps what reprflt.sys would keep, by the driver's own core,
 *        |                                             and puts reprhook.dll into each process that is added
 *        |                                        reprhook.dll (hook*.c) in the tool's processes: asks the core at each open, as
 *        |                                             reprflt.sys would, and tells the projection's double what was opened
 *        +--Prj*--> ProjectedFSLib.dll (the double of tests/Repr.Workspaces.Tests) <--pipe-- reprhook.dll; stage.c is its end of the pipe
 *
 * A hook sees what is opened through ntdll, not what Wine itself opens for a new process: the starter of a process fetches its image and
 * the DLLs that it imports, as the loader's opens would.
 */
#ifndef REPR_STANDIN_H
#define REPR_STANDIN_H

#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <winternl.h>
#include <stdio.h>
#include "stage.h"
#include "../../../driver/reprflt/core/pathmap.h"
#include "../../../driver/reprflt/include/reprflt_protocol.h"

#define MAX_NAME 32768u

/* What the driver knows of an action; the section reprflt-world-<action> of the worker's Wine. */
struct world {
    struct rc_volumes volumes;
    struct rc_map map;
    rc_u64 action;
    volatile LONG ended; /* its processes are orphans */
    WCHAR hook[MAX_PATH];
};

/* Counts of all actions; the section reprflt-counts. In the order of struct reprflt_statistics. */
enum count { COUNT_OPENS, COUNT_REDIRECTED, COUNT_HOST, COUNT_DENIED, COUNT_FAILED, COUNT_RENAMES, COUNT_NAMES, COUNT_INHERITED, COUNT_REFUSED, COUNTS };

/* reprhook.dll: shows a suspended process the world. */
typedef int (*inject_function)(HANDLE process, DWORD id, rc_u64 action);

#endif
