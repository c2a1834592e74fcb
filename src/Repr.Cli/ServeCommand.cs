using System.CommandLine;
using Repr.Cli.Windows;
using Repr.Server;
using Repr.Server.Scheduling;
using Repr.Server.Silo;

namespace Repr.Cli;

/// <summary>The verb <c>serve</c>: a worker in this process.</summary>
internal static class ServeCommand
{
    private static readonly Option<int> s_farmDrainSeconds = new("--farm-drain-seconds")
    {
        Description = "Seconds for which a worker of a farm that is asked to stop lets its actions end.",
        DefaultValueFactory = static _ => new WorkerOptions().FarmDrainSeconds,
    };

    private static readonly Option<string?> s_farm =
        new("--farm") { Description = "local: a pool of slots in this process; redis://host:port: a farm of several workers." };

    /// <summary>How long a command may go on after it was asked to stop: a worker of a farm lets its actions end.</summary>
    public static TimeSpan DrainTime(ParseResult parsed) => parsed.GetValue(s_farm) is null
        ? TimeSpan.Zero
        : TimeSpan.FromSeconds(parsed.GetValue(s_farmDrainSeconds));

    /// <summary>Makes the verb with all settings of <see cref="WorkerOptions"/>.</summary>
    public static System.CommandLine.Command Create()
    {
        WorkerOptions defaults = new();
        Option<string> listen = new("--listen") { Description = "Address to listen on; port 0 takes a free one.", DefaultValueFactory = _ => defaults.Listen };
        Option<string> data = new("--data") { Description = "Directory for the content store and staging.", DefaultValueFactory = _ => defaults.Data };
        Option<string?> portFile = new("--port-file") { Description = "File that gets the actual address when the worker is ready." };
        Option<int> slots = new("--slots") { Description = "Actions at the same time.", DefaultValueFactory = _ => defaults.Slots };
        Option<int> queueLimit = new("--queue-limit")
        {
            Description = "Actions of one requester that may wait.",
            DefaultValueFactory = _ => defaults.QueueLimit,
        };
        Option<long> maximumStoreBytes = new("--max-store-bytes")
        {
            Description = "Upper bound of the content store.",
            DefaultValueFactory = _ => defaults.MaximumStoreBytes,
        };
        Option<long> maximumActionCacheBytes = new("--max-action-cache-bytes")
        {
            Description = "Upper bound of the Remote Execution API's action cache.",
            DefaultValueFactory = _ => defaults.MaximumActionCacheBytes,
        };
        Option<string> workspace = new("--workspace")
        {
            Description = "fuse, or copying for actions that name all they read; on Windows projfs.",
            DefaultValueFactory = _ => defaults.Workspace,
        };
        Option<int> warmToolMinutes = new("--warm-tool-minutes")
        {
            Description = "Minutes for which an unused compiler's server is kept; 0: no servers.",
            DefaultValueFactory = _ => defaults.WarmToolMinutes,
        };
        Option<long> warmToolBytes = new("--warm-tool-bytes")
        {
            Description = "Memory beyond which a compiler's server is ended.",
            DefaultValueFactory = _ => defaults.WarmToolBytes,
        };
        Option<string?> configuration = new("--config") { Description = "Settings file (JSON) that names plugins and their options." };
        Option<bool> reapi = new("--reapi-execution")
        {
            Description = "Run actions of the Remote Execution API (Bazel) too; they see files of this machine.",
        };
        Option<string[]> reapiSystemPaths = new("--reapi-system-path")
        {
            Description = "What those actions see of this machine, in place of the default; can be given again.",
        };
        Option<string[]> reapiPlatform = new("--reapi-platform")
        {
            Description = "A platform property NAME=VALUE that those actions may ask for; can be given again.",
        };
        Option<string?> farmAdvertise = new("--farm-advertise") { Description = "Address at which requesters of the farm reach this worker." };
        Option<string?> farmListen = new("--farm-listen") { Description = "IP address and port for the other workers of the farm." };
        Option<bool> slotUsers = new("--slot-users") { Description = "Windows: tools of each slot run as a local user of the slot's own." };
        Option<long> actionMemoryBytes = new("--action-memory-bytes") { Description = "Windows: memory that the processes of one action may commit; 0: no bound." };
        Option<int> actionProcesses = new("--action-processes")
        {
            Description = "Windows: processes of one action at the same time.",
            DefaultValueFactory = _ => defaults.ActionProcesses,
        };
        Option<bool> install = new("--install") { Description = "Windows: install a service that runs with the other options, and end." };
        Option<bool> uninstall = new("--uninstall") { Description = "Windows: stop that service and take it away." };
        Option<string?> healthListen = new("--health-listen") { Description = "Address for the health service alone, without TLS." };
        Option<bool> onlyWhenIdle = new("--only-when-idle") { Description = "Take actions only while nobody needs this machine." };
        Option<int> idleSeconds = new("--idle-seconds")
        {
            Description = "Seconds for which its user must have been away, or its load low.",
            DefaultValueFactory = _ => defaults.IdleSeconds,
        };
        Option<double> idleLoad = new("--idle-load")
        {
            Description = "Processors that others' programs may use at a low load; 0: only the user's absence counts.",
            DefaultValueFactory = _ => defaults.IdleLoad,
        };
        Option<bool> anyone = new("--dangerously-allow-anyone")
        {
            Description = "Listen beyond loopback without authentication.",
        };
        Option<bool> cleartext = new("--dangerously-allow-cleartext")
        {
            Description = "Listen beyond loopback without encryption, with authentication.",
        };

        System.CommandLine.Command command = new("serve", "Runs a worker: executes actions of requesters in their own world.")
        {
            listen, data, portFile, slots, queueLimit, maximumStoreBytes, maximumActionCacheBytes, workspace, warmToolMinutes, warmToolBytes,
            configuration, reapi, reapiSystemPaths, reapiPlatform, s_farm, farmAdvertise, farmListen, s_farmDrainSeconds, healthListen, onlyWhenIdle,
            idleSeconds, idleLoad, slotUsers, actionMemoryBytes, actionProcesses, install, uninstall, anyone, cleartext,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            WorkerOptions options = new()
            {
                Listen = parsed.GetRequiredValue(listen),
                Data = parsed.GetRequiredValue(data),
                PortFile = parsed.GetValue(portFile),
                Slots = parsed.GetRequiredValue(slots),
                QueueLimit = parsed.GetRequiredValue(queueLimit),
                MaximumStoreBytes = parsed.GetRequiredValue(maximumStoreBytes),
                MaximumActionCacheBytes = parsed.GetRequiredValue(maximumActionCacheBytes),
                Workspace = parsed.GetRequiredValue(workspace),
                WarmToolMinutes = parsed.GetRequiredValue(warmToolMinutes),
                WarmToolBytes = parsed.GetRequiredValue(warmToolBytes),
                Configuration = parsed.GetValue(configuration),
                ReapiExecution = parsed.GetValue(reapi),
                ReapiSystemPaths = parsed.GetValue(reapiSystemPaths) ?? [],
                ReapiPlatform = parsed.GetValue(reapiPlatform) ?? [],
                Farm = parsed.GetValue(s_farm),
                FarmAdvertise = parsed.GetValue(farmAdvertise),
                FarmListen = parsed.GetValue(farmListen),
                FarmDrainSeconds = parsed.GetValue(s_farmDrainSeconds),
                HealthListen = parsed.GetValue(healthListen),
                OnlyWhenIdle = parsed.GetValue(onlyWhenIdle),
                IdleSeconds = parsed.GetRequiredValue(idleSeconds),
                IdleLoad = parsed.GetRequiredValue(idleLoad),
                DangerouslyAllowAnyone = parsed.GetValue(anyone),
                DangerouslyAllowCleartext = parsed.GetValue(cleartext),
                SlotUsers = parsed.GetValue(slotUsers),
                ActionMemoryBytes = parsed.GetValue(actionMemoryBytes),
                ActionProcesses = parsed.GetRequiredValue(actionProcesses),
            };
            return parsed.GetValue(install) || parsed.GetValue(uninstall)
                ? ServiceVerbs.RunAsync(options, parsed, isInstall: parsed.GetValue(install), hasData: parsed.GetResult(data) is { Implicit: false })
                : RunAsync(options, parsed, cancellationToken);
        });
        return command;
    }

    private static Task<int> RunAsync(WorkerOptions options, ParseResult parsed, CancellationToken cancellationToken) =>
        OperatingSystem.IsWindows() && WorkerService.IsWanted
            ? WorkerService.RunAsync(
                (said, stopped) => Worker.RunAsync(options with { LogsEvents = true }, said, said, JoinFarm, stopped), TimeSpan.FromSeconds(30) + DrainTime(parsed))
            : Worker.RunAsync(
                options, parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, JoinFarm, cancellationToken);

    // A method of its own: without a farm nothing of it is loaded.
    private static SiloScheduler JoinFarm(FarmEngine engine) => new(engine);
}
