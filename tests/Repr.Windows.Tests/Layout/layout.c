/*
 * What the worker's C# declares of Windows, and of the starter's pipe, as a compiler for Windows lays it out: a table in an object file from
 * which LayoutTests reads it. The driver's protocol has its own, driver/reprflt/tests/layout.c.
 */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <lmaccess.h>
#include <wtsapi32.h>
#include "../../../src/Repr.Workspaces/Windows/Starter/start.h"

#define OFFSET(type, member) {#type "." #member, __builtin_offsetof(type, member)}
#define SIZE(type) {"sizeof " #type, sizeof(type)}
#define VALUE(name) {#name, (unsigned long long)(name)}

struct layout_entry {
    char name[88];
    unsigned long long value;
};

__attribute__((used)) const struct layout_entry layout[] = {
    {"reprflt layout begins", 0x5245505246541111ull},
    SIZE(STARTUPINFOEXW),
    OFFSET(STARTUPINFOEXW, StartupInfo.dwFlags),
    OFFSET(STARTUPINFOEXW, StartupInfo.hStdInput),
    OFFSET(STARTUPINFOEXW, StartupInfo.hStdOutput),
    OFFSET(STARTUPINFOEXW, StartupInfo.hStdError),
    OFFSET(STARTUPINFOEXW, lpAttributeList),
    SIZE(PROCESS_INFORMATION),
    OFFSET(PROCESS_INFORMATION, hThread),
    OFFSET(PROCESS_INFORMATION, dwProcessId),
    SIZE(SID_AND_ATTRIBUTES),
    OFFSET(SID_AND_ATTRIBUTES, Attributes),
    SIZE(JOBOBJECT_EXTENDED_LIMIT_INFORMATION),
    OFFSET(JOBOBJECT_EXTENDED_LIMIT_INFORMATION, BasicLimitInformation.LimitFlags),
    OFFSET(JOBOBJECT_EXTENDED_LIMIT_INFORMATION, BasicLimitInformation.ActiveProcessLimit),
    OFFSET(JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobMemoryLimit),
    SIZE(JOBOBJECT_BASIC_ACCOUNTING_INFORMATION),
    OFFSET(JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, TotalUserTime),
    OFFSET(JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, TotalKernelTime),
    OFFSET(JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, ActiveProcesses),
    SIZE(JOBOBJECT_ASSOCIATE_COMPLETION_PORT),
    OFFSET(JOBOBJECT_ASSOCIATE_COMPLETION_PORT, CompletionPort),
    SIZE(USER_INFO_1),
    OFFSET(USER_INFO_1, usri1_priv),
    OFFSET(USER_INFO_1, usri1_comment),
    OFFSET(USER_INFO_1, usri1_flags),
    SIZE(WTS_SESSION_INFOW),
    OFFSET(WTS_SESSION_INFOW, pWinStationName),
    OFFSET(WTS_SESSION_INFOW, State),
    SIZE(WTSINFOW),
    OFFSET(WTSINFOW, WinStationName),
    OFFSET(WTSINFOW, Domain),
    OFFSET(WTSINFOW, UserName),
    OFFSET(WTSINFOW, LastInputTime),
    OFFSET(WTSINFOW, CurrentTime),
    VALUE(WTSSessionInfo),
    VALUE(WTSActive),
    VALUE(JOB_OBJECT_LIMIT_ACTIVE_PROCESS),
    VALUE(JOB_OBJECT_LIMIT_JOB_MEMORY),
    VALUE(JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION),
    VALUE(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE),
    VALUE(JOB_OBJECT_MSG_ACTIVE_PROCESS_LIMIT),
    VALUE(JOB_OBJECT_MSG_JOB_MEMORY_LIMIT),
    VALUE(JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO),
    VALUE(JobObjectBasicAccountingInformation),
    VALUE(JobObjectBasicProcessIdList),
    VALUE(JobObjectBasicUIRestrictions),
    VALUE(JobObjectAssociateCompletionPortInformation),
    VALUE(JobObjectExtendedLimitInformation),
    VALUE(CREATE_SUSPENDED),
    VALUE(CREATE_UNICODE_ENVIRONMENT),
    VALUE(EXTENDED_STARTUPINFO_PRESENT),
    VALUE(CREATE_NO_WINDOW),
    VALUE(STARTF_USESTDHANDLES),
    VALUE(PROC_THREAD_ATTRIBUTE_HANDLE_LIST),
    VALUE(DISABLE_MAX_PRIVILEGE),
    SIZE(struct start_report),
    OFFSET(struct start_report, value),
    VALUE(START_STARTED),
    VALUE(START_EXITED),
    VALUE(START_REQUEST),
    VALUE(START_DRIVE),
    VALUE(START_DIRECTORY),
    VALUE(START_PROGRAM),
    {"reprflt layout ends", 0x5245505246542222ull},
};
