/*
 * Sizes, offsets and values of structures that the driver takes from headers, in an object file from which Repr.Driver.Tests reads them.
 * Compiled twice, for different targets and with different headers: with kernel/compat/fltKernel.h over mingw-w64's headers, as the driver
 * is; and with -DINDEPENDENT over Wine's <ddk/fltkernel.h>, which others wrote. And the protocol, for Linux and for Windows (-DPROTOCOL).
 */
#if defined(PROTOCOL)
#include "../include/reprflt_protocol.h"
#elif defined(INDEPENDENT)
#include <stdarg.h>
#include <ntstatus.h>
#define WIN32_NO_STATUS
#include <windef.h>
#include <winbase.h>
#include <winternl.h>
#include <ddk/ntddk.h>
#include <ddk/fltkernel.h>
#else
#include <fltKernel.h>
#endif

#define OFFSET(type, member) {#type "." #member, __builtin_offsetof(type, member)}
#define SIZE(type) {"sizeof " #type, sizeof(type)}
#define VALUE(name) {#name, (unsigned long long)(name)}

/* Between two marks by which a reader finds it: the text, then the number. */
struct layout_entry {
    char name[56];
    unsigned long long value;
};

__attribute__((used)) const struct layout_entry layout[] = {
    {"reprflt layout begins", 0x5245505246541111ull},
#if defined(PROTOCOL)
    SIZE(struct reprflt_header),
    OFFSET(struct reprflt_header, size),
    OFFSET(struct reprflt_header, version),
    OFFSET(struct reprflt_header, type),
    OFFSET(struct reprflt_header, reserved),
    SIZE(struct reprflt_hello),
    OFFSET(struct reprflt_hello, header),
    SIZE(struct reprflt_welcome),
    OFFSET(struct reprflt_welcome, version),
    OFFSET(struct reprflt_welcome, max_volumes),
    OFFSET(struct reprflt_welcome, max_actions),
    OFFSET(struct reprflt_welcome, max_processes),
    OFFSET(struct reprflt_welcome, max_rules),
    OFFSET(struct reprflt_welcome, max_rule_text),
    SIZE(struct reprflt_add_volume),
    OFFSET(struct reprflt_add_volume, header),
    OFFSET(struct reprflt_add_volume, device_length),
    OFFSET(struct reprflt_add_volume, root_length),
    OFFSET(struct reprflt_add_volume, device),
    OFFSET(struct reprflt_add_volume, root),
    SIZE(struct reprflt_begin_action),
    OFFSET(struct reprflt_begin_action, header),
    OFFSET(struct reprflt_begin_action, action),
    OFFSET(struct reprflt_begin_action, name_length),
    OFFSET(struct reprflt_begin_action, reserved),
    OFFSET(struct reprflt_begin_action, name),
    SIZE(struct reprflt_add_rule),
    OFFSET(struct reprflt_add_rule, header),
    OFFSET(struct reprflt_add_rule, action),
    OFFSET(struct reprflt_add_rule, kind),
    OFFSET(struct reprflt_add_rule, path_length),
    OFFSET(struct reprflt_add_rule, target_length),
    OFFSET(struct reprflt_add_rule, reserved),
    OFFSET(struct reprflt_add_rule, path),
    OFFSET(struct reprflt_add_rule, target),
    SIZE(struct reprflt_add_process),
    OFFSET(struct reprflt_add_process, header),
    OFFSET(struct reprflt_add_process, action),
    OFFSET(struct reprflt_add_process, process),
    OFFSET(struct reprflt_add_process, created),
    SIZE(struct reprflt_end_action),
    OFFSET(struct reprflt_end_action, header),
    OFFSET(struct reprflt_end_action, action),
    SIZE(struct reprflt_ended),
    OFFSET(struct reprflt_ended, running),
    OFFSET(struct reprflt_ended, reserved),
    SIZE(struct reprflt_query_statistics),
    OFFSET(struct reprflt_query_statistics, header),
    SIZE(struct reprflt_statistics),
    OFFSET(struct reprflt_statistics, opens),
    OFFSET(struct reprflt_statistics, redirected),
    OFFSET(struct reprflt_statistics, host),
    OFFSET(struct reprflt_statistics, denied),
    OFFSET(struct reprflt_statistics, failed),
    OFFSET(struct reprflt_statistics, renames),
    OFFSET(struct reprflt_statistics, names),
    OFFSET(struct reprflt_statistics, inherited),
    OFFSET(struct reprflt_statistics, refused),
    OFFSET(struct reprflt_statistics, actions),
    OFFSET(struct reprflt_statistics, processes),
    OFFSET(struct reprflt_statistics, orphans),
    OFFSET(struct reprflt_statistics, reserved),
#else
    SIZE(FLT_PARAMETERS),
    OFFSET(FLT_PARAMETERS, Create.SecurityContext),
    OFFSET(FLT_PARAMETERS, Create.Options),
    OFFSET(FLT_PARAMETERS, Create.FileAttributes),
    OFFSET(FLT_PARAMETERS, Create.ShareAccess),
    OFFSET(FLT_PARAMETERS, Create.EaBuffer),
    OFFSET(FLT_PARAMETERS, QueryFileInformation.Length),
    OFFSET(FLT_PARAMETERS, QueryFileInformation.FileInformationClass),
    OFFSET(FLT_PARAMETERS, QueryFileInformation.InfoBuffer),
    OFFSET(FLT_PARAMETERS, SetFileInformation.Length),
    OFFSET(FLT_PARAMETERS, SetFileInformation.FileInformationClass),
    OFFSET(FLT_PARAMETERS, SetFileInformation.ParentOfTarget),
    OFFSET(FLT_PARAMETERS, SetFileInformation.InfoBuffer),
    SIZE(FLT_IO_PARAMETER_BLOCK),
    OFFSET(FLT_IO_PARAMETER_BLOCK, MajorFunction),
    OFFSET(FLT_IO_PARAMETER_BLOCK, OperationFlags),
    OFFSET(FLT_IO_PARAMETER_BLOCK, TargetFileObject),
    OFFSET(FLT_IO_PARAMETER_BLOCK, TargetInstance),
    OFFSET(FLT_IO_PARAMETER_BLOCK, Parameters),
    SIZE(FLT_CALLBACK_DATA),
    OFFSET(FLT_CALLBACK_DATA, Flags),
    OFFSET(FLT_CALLBACK_DATA, Iopb),
    OFFSET(FLT_CALLBACK_DATA, IoStatus),
    OFFSET(FLT_CALLBACK_DATA, TagData),
    OFFSET(FLT_CALLBACK_DATA, RequestorMode),
    SIZE(FLT_OPERATION_REGISTRATION),
    OFFSET(FLT_OPERATION_REGISTRATION, PreOperation),
    OFFSET(FLT_OPERATION_REGISTRATION, PostOperation),
    SIZE(FLT_REGISTRATION),
    OFFSET(FLT_REGISTRATION, Flags),
    OFFSET(FLT_REGISTRATION, OperationRegistration),
    OFFSET(FLT_REGISTRATION, FilterUnloadCallback),
    OFFSET(FLT_REGISTRATION, InstanceSetupCallback),
    OFFSET(FLT_REGISTRATION, InstanceQueryTeardownCallback),
    OFFSET(IO_SECURITY_CONTEXT, DesiredAccess),
    OFFSET(FILE_OBJECT, Flags),
    OFFSET(FILE_OBJECT, FileName),
    OFFSET(FILE_RENAME_INFORMATION, RootDirectory),
    OFFSET(FILE_RENAME_INFORMATION, FileNameLength),
    OFFSET(FILE_RENAME_INFORMATION, FileName),
    OFFSET(FILE_LINK_INFORMATION, FileName),
    OFFSET(FILE_NAME_INFORMATION, FileName),
    OFFSET(FILE_ALL_INFORMATION, AccessInformation),
    OFFSET(FILE_ALL_INFORMATION, PositionInformation),
    OFFSET(FILE_ALL_INFORMATION, ModeInformation),
    OFFSET(FILE_ALL_INFORMATION, AlignmentInformation),
    OFFSET(FILE_ALL_INFORMATION, NameInformation),
    SIZE(PS_CREATE_NOTIFY_INFO),
    OFFSET(PS_CREATE_NOTIFY_INFO, ParentProcessId),
    OFFSET(PS_CREATE_NOTIFY_INFO, CreatingThreadId),
    OFFSET(PS_CREATE_NOTIFY_INFO, CreationStatus),
    SIZE(PAGED_LOOKASIDE_LIST),
    OFFSET(PAGED_LOOKASIDE_LIST, L.Depth),
    OFFSET(PAGED_LOOKASIDE_LIST, L.TotalAllocates),
    OFFSET(PAGED_LOOKASIDE_LIST, L.TotalFrees),
    OFFSET(PAGED_LOOKASIDE_LIST, L.Type),
    OFFSET(PAGED_LOOKASIDE_LIST, L.Tag),
    OFFSET(PAGED_LOOKASIDE_LIST, L.Size),
    VALUE(FileNameInformation),
    VALUE(FileAllInformation),
    VALUE(FileRenameInformation),
    VALUE(FileLinkInformation),
    VALUE(FileNormalizedNameInformation),
    VALUE(FLT_PREOP_SUCCESS_WITH_CALLBACK),
    VALUE(FLT_PREOP_SUCCESS_NO_CALLBACK),
    VALUE(FLT_PREOP_DISALLOW_FASTIO),
    VALUE(FLT_PREOP_COMPLETE),
    VALUE(FLT_POSTOP_FINISHED_PROCESSING),
#endif
    {"reprflt layout ends", 0x5245505246542222ull},
};
