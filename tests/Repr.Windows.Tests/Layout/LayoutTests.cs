using Repr.Workspaces.Windows;
using static Repr.Windows.Tests.Layout.CompiledLayout;

namespace Repr.Windows.Tests.Layout;

/// <summary>The worker's declarations of what others specify in C, compared with what a compiler makes of that: no number is typed by hand.</summary>
public sealed class LayoutTests
{
    [Fact]
    public async Task The_worker_and_the_driver_lay_out_the_protocol_in_the_same_way() =>
        Assert.Equal(Sorted(await CompileAsync("driver/reprflt/tests/layout.c", 56, "-DPROTOCOL")), Sorted(Protocol()));

    [Fact]
    public async Task The_workers_declarations_of_Windows_and_of_the_starter_are_those_of_the_headers() =>
        Assert.Equal(Sorted(await CompileAsync("tests/Repr.Windows.Tests/Layout/layout.c", 88)), Sorted(Windows()));

    private static string[] Sorted(Dictionary<string, ulong> entries) =>
        [.. entries.Select(static entry => $"{entry.Key} {entry.Value}").Order(StringComparer.Ordinal)];

    private static unsafe Dictionary<string, ulong> Protocol()
    {
        FilterHeader header = default;
        FilterQuestion question = default;
        FilterWelcome welcome = default;
        FilterAddVolume volume = default;
        FilterBeginAction begin = default;
        FilterAddRule rule = default;
        FilterAddProcess process = default;
        FilterEndAction end = default;
        FilterEnded ended = default;
        FilterStatistics statistics = default;
        return new()
        {
            ["sizeof struct reprflt_header"] = (ulong)sizeof(FilterHeader),
            ["struct reprflt_header.size"] = Offset(ref header, ref header.Size),
            ["struct reprflt_header.version"] = Offset(ref header, ref header.Version),
            ["struct reprflt_header.type"] = Offset(ref header, ref header.Type),
            ["struct reprflt_header.reserved"] = Offset(ref header, ref header.Reserved),
            ["sizeof struct reprflt_hello"] = (ulong)sizeof(FilterQuestion),
            ["struct reprflt_hello.header"] = Offset(ref question, ref question.Header),
            ["sizeof struct reprflt_welcome"] = (ulong)sizeof(FilterWelcome),
            ["struct reprflt_welcome.version"] = Offset(ref welcome, ref welcome.Version),
            ["struct reprflt_welcome.max_volumes"] = Offset(ref welcome, ref welcome.MaxVolumes),
            ["struct reprflt_welcome.max_actions"] = Offset(ref welcome, ref welcome.MaxActions),
            ["struct reprflt_welcome.max_processes"] = Offset(ref welcome, ref welcome.MaxProcesses),
            ["struct reprflt_welcome.max_rules"] = Offset(ref welcome, ref welcome.MaxRules),
            ["struct reprflt_welcome.max_rule_text"] = Offset(ref welcome, ref welcome.MaxRuleText),
            ["sizeof struct reprflt_add_volume"] = (ulong)sizeof(FilterAddVolume),
            ["struct reprflt_add_volume.header"] = Offset(ref volume, ref volume.Header),
            ["struct reprflt_add_volume.device_length"] = Offset(ref volume, ref volume.DeviceLength),
            ["struct reprflt_add_volume.root_length"] = Offset(ref volume, ref volume.RootLength),
            ["struct reprflt_add_volume.device"] = Offset(ref volume, ref volume.Device),
            ["struct reprflt_add_volume.root"] = Offset(ref volume, ref volume.Root),
            ["sizeof struct reprflt_begin_action"] = (ulong)sizeof(FilterBeginAction),
            ["struct reprflt_begin_action.header"] = Offset(ref begin, ref begin.Header),
            ["struct reprflt_begin_action.action"] = Offset(ref begin, ref begin.Action),
            ["struct reprflt_begin_action.name_length"] = Offset(ref begin, ref begin.NameLength),
            ["struct reprflt_begin_action.reserved"] = Offset(ref begin, ref begin.Reserved),
            ["struct reprflt_begin_action.name"] = Offset(ref begin, ref begin.Name),
            ["sizeof struct reprflt_add_rule"] = (ulong)sizeof(FilterAddRule),
            ["struct reprflt_add_rule.header"] = Offset(ref rule, ref rule.Header),
            ["struct reprflt_add_rule.action"] = Offset(ref rule, ref rule.Action),
            ["struct reprflt_add_rule.kind"] = Offset(ref rule, ref rule.Kind),
            ["struct reprflt_add_rule.path_length"] = Offset(ref rule, ref rule.PathLength),
            ["struct reprflt_add_rule.target_length"] = Offset(ref rule, ref rule.TargetLength),
            ["struct reprflt_add_rule.reserved"] = Offset(ref rule, ref rule.Reserved),
            ["struct reprflt_add_rule.path"] = Offset(ref rule, ref rule.Path),
            ["struct reprflt_add_rule.target"] = Offset(ref rule, ref rule.Target),
            ["sizeof struct reprflt_add_process"] = (ulong)sizeof(FilterAddProcess),
            ["struct reprflt_add_process.header"] = Offset(ref process, ref process.Header),
            ["struct reprflt_add_process.action"] = Offset(ref process, ref process.Action),
            ["struct reprflt_add_process.process"] = Offset(ref process, ref process.Process),
            ["struct reprflt_add_process.created"] = Offset(ref process, ref process.Created),
            ["sizeof struct reprflt_end_action"] = (ulong)sizeof(FilterEndAction),
            ["struct reprflt_end_action.header"] = Offset(ref end, ref end.Header),
            ["struct reprflt_end_action.action"] = Offset(ref end, ref end.Action),
            ["sizeof struct reprflt_ended"] = (ulong)sizeof(FilterEnded),
            ["struct reprflt_ended.running"] = Offset(ref ended, ref ended.Running),
            ["struct reprflt_ended.reserved"] = Offset(ref ended, ref ended.Reserved),
            ["sizeof struct reprflt_query_statistics"] = (ulong)sizeof(FilterQuestion),
            ["struct reprflt_query_statistics.header"] = Offset(ref question, ref question.Header),
            ["sizeof struct reprflt_statistics"] = (ulong)sizeof(FilterStatistics),
            ["struct reprflt_statistics.opens"] = Offset(ref statistics, ref statistics.Opens),
            ["struct reprflt_statistics.redirected"] = Offset(ref statistics, ref statistics.Redirected),
            ["struct reprflt_statistics.host"] = Offset(ref statistics, ref statistics.Host),
            ["struct reprflt_statistics.denied"] = Offset(ref statistics, ref statistics.Denied),
            ["struct reprflt_statistics.failed"] = Offset(ref statistics, ref statistics.Failed),
            ["struct reprflt_statistics.renames"] = Offset(ref statistics, ref statistics.Renames),
            ["struct reprflt_statistics.names"] = Offset(ref statistics, ref statistics.Names),
            ["struct reprflt_statistics.inherited"] = Offset(ref statistics, ref statistics.Inherited),
            ["struct reprflt_statistics.refused"] = Offset(ref statistics, ref statistics.Refused),
            ["struct reprflt_statistics.actions"] = Offset(ref statistics, ref statistics.Actions),
            ["struct reprflt_statistics.processes"] = Offset(ref statistics, ref statistics.Processes),
            ["struct reprflt_statistics.orphans"] = Offset(ref statistics, ref statistics.Orphans),
            ["struct reprflt_statistics.reserved"] = Offset(ref statistics, ref statistics.Reserved),
        };
    }

    private static unsafe Dictionary<string, ulong> Windows()
    {
        ProcessNative.Startup startup = default;
        ProcessNative.Created created = default;
        ProcessNative.SidAndAttributes sid = default;
        JobNative.Limits limits = default;
        JobNative.Accounting accounting = default;
        JobNative.Association association = default;
        AccountsNative.User user = default;
        StartReport report = default;
        SessionsNative.Session session = default;
        SessionsNative.Information information = default;
        return new()
        {
            ["sizeof STARTUPINFOEXW"] = (ulong)sizeof(ProcessNative.Startup),
            ["STARTUPINFOEXW.StartupInfo.dwFlags"] = Offset(ref startup, ref startup.Flags),
            ["STARTUPINFOEXW.StartupInfo.hStdInput"] = Offset(ref startup, ref startup.Input),
            ["STARTUPINFOEXW.StartupInfo.hStdOutput"] = Offset(ref startup, ref startup.Output),
            ["STARTUPINFOEXW.StartupInfo.hStdError"] = Offset(ref startup, ref startup.Error),
            ["STARTUPINFOEXW.lpAttributeList"] = Offset(ref startup, ref *(nint*)&startup.Attributes),
            ["sizeof PROCESS_INFORMATION"] = (ulong)sizeof(ProcessNative.Created),
            ["PROCESS_INFORMATION.hThread"] = Offset(ref created, ref created.Thread),
            ["PROCESS_INFORMATION.dwProcessId"] = Offset(ref created, ref created.ProcessId),
            ["sizeof SID_AND_ATTRIBUTES"] = (ulong)sizeof(ProcessNative.SidAndAttributes),
            ["SID_AND_ATTRIBUTES.Attributes"] = Offset(ref sid, ref sid.Attributes),
            ["sizeof JOBOBJECT_EXTENDED_LIMIT_INFORMATION"] = (ulong)sizeof(JobNative.Limits),
            ["JOBOBJECT_EXTENDED_LIMIT_INFORMATION.BasicLimitInformation.LimitFlags"] = Offset(ref limits, ref limits.Flags),
            ["JOBOBJECT_EXTENDED_LIMIT_INFORMATION.BasicLimitInformation.ActiveProcessLimit"] = Offset(ref limits, ref limits.ActiveProcesses),
            ["JOBOBJECT_EXTENDED_LIMIT_INFORMATION.JobMemoryLimit"] = Offset(ref limits, ref limits.JobMemory),
            ["sizeof JOBOBJECT_BASIC_ACCOUNTING_INFORMATION"] = (ulong)sizeof(JobNative.Accounting),
            ["JOBOBJECT_BASIC_ACCOUNTING_INFORMATION.TotalUserTime"] = Offset(ref accounting, ref accounting.UserTime),
            ["JOBOBJECT_BASIC_ACCOUNTING_INFORMATION.TotalKernelTime"] = Offset(ref accounting, ref accounting.KernelTime),
            ["JOBOBJECT_BASIC_ACCOUNTING_INFORMATION.ActiveProcesses"] = Offset(ref accounting, ref accounting.ActiveProcesses),
            ["sizeof JOBOBJECT_ASSOCIATE_COMPLETION_PORT"] = (ulong)sizeof(JobNative.Association),
            ["JOBOBJECT_ASSOCIATE_COMPLETION_PORT.CompletionPort"] = Offset(ref association, ref association.Port),
            ["sizeof USER_INFO_1"] = (ulong)sizeof(AccountsNative.User),
            ["USER_INFO_1.usri1_priv"] = Offset(ref user, ref user.Privilege),
            ["USER_INFO_1.usri1_comment"] = Offset(ref user, ref *(nint*)&user.Comment),
            ["USER_INFO_1.usri1_flags"] = Offset(ref user, ref user.Flags),
            ["sizeof WTS_SESSION_INFOW"] = (ulong)sizeof(SessionsNative.Session),
            ["WTS_SESSION_INFOW.pWinStationName"] = Offset(ref session, ref *(nint*)&session.Name),
            ["WTS_SESSION_INFOW.State"] = Offset(ref session, ref session.State),
            ["sizeof WTSINFOW"] = (ulong)sizeof(SessionsNative.Information),
            ["WTSINFOW.WinStationName"] = Offset(ref information, ref information.Name[0]),
            ["WTSINFOW.Domain"] = Offset(ref information, ref information.Domain[0]),
            ["WTSINFOW.UserName"] = Offset(ref information, ref information.User[0]),
            ["WTSINFOW.LastInputTime"] = Offset(ref information, ref information.LastInputTime),
            ["WTSINFOW.CurrentTime"] = Offset(ref information, ref information.CurrentTime),
            ["WTSSessionInfo"] = SessionsNative.SessionInfo,
            ["WTSActive"] = SessionsNative.Active,
            ["JOB_OBJECT_LIMIT_ACTIVE_PROCESS"] = JobNative.LimitActiveProcesses,
            ["JOB_OBJECT_LIMIT_JOB_MEMORY"] = JobNative.LimitJobMemory,
            ["JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION"] = JobNative.LimitDieOnUnhandledException,
            ["JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE"] = JobNative.LimitKillOnClose,
            ["JOB_OBJECT_MSG_ACTIVE_PROCESS_LIMIT"] = JobNative.MessageActiveProcessLimit,
            ["JOB_OBJECT_MSG_JOB_MEMORY_LIMIT"] = JobNative.MessageJobMemoryLimit,
            ["JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO"] = JobNative.MessageActiveProcessZero,
            ["JobObjectBasicAccountingInformation"] = JobNative.BasicAccounting,
            ["JobObjectBasicProcessIdList"] = JobNative.ProcessIds,
            ["JobObjectBasicUIRestrictions"] = JobNative.UserInterface,
            ["JobObjectAssociateCompletionPortInformation"] = JobNative.CompletionPort,
            ["JobObjectExtendedLimitInformation"] = JobNative.ExtendedLimits,
            ["CREATE_SUSPENDED"] = ProcessNative.CreateSuspended,
            ["CREATE_UNICODE_ENVIRONMENT"] = ProcessNative.UnicodeEnvironment,
            ["EXTENDED_STARTUPINFO_PRESENT"] = ProcessNative.ExtendedStartup,
            ["CREATE_NO_WINDOW"] = ProcessNative.NoWindow,
            ["STARTF_USESTDHANDLES"] = ProcessNative.UseStandardHandles,
            ["PROC_THREAD_ATTRIBUTE_HANDLE_LIST"] = ProcessNative.HandleList,
            ["DISABLE_MAX_PRIVILEGE"] = ProcessNative.DisableMaximumPrivileges,
            ["sizeof struct start_report"] = (ulong)sizeof(StartReport),
            ["struct start_report.value"] = Offset(ref report, ref report.Value),
            ["START_STARTED"] = (ulong)StartKind.Started,
            ["START_EXITED"] = (ulong)StartKind.Exited,
            ["START_REQUEST"] = (ulong)StartKind.BadRequest,
            ["START_DRIVE"] = (ulong)StartKind.NoDrive,
            ["START_DIRECTORY"] = (ulong)StartKind.NoDirectory,
            ["START_PROGRAM"] = (ulong)StartKind.NoProgram,
        };
    }
}
