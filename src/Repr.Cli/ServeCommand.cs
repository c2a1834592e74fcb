using System.CommandLine;
using Repr.Server;

namespace Repr.Cli;

/// <summary>The verb <c>serve</c>: a worker in this process.</summary>
internal static class ServeCommand
{
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
        Option<string> workspace = new("--workspace")
        {
            Description = "fuse, or copying for actions that name all they read.",
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
            listen, data, portFile, slots, queueLimit, maximumStoreBytes, workspace, warmToolMinutes, warmToolBytes, configuration, reapi, reapiSystemPaths, reapiPlatform, anyone,
            cleartext,
        };
        command.SetAction((parsed, cancellationToken) => Worker.RunAsync(
            new WorkerOptions
            {
                Listen = parsed.GetRequiredValue(listen),
                Data = parsed.GetRequiredValue(data),
                PortFile = parsed.GetValue(portFile),
                Slots = parsed.GetRequiredValue(slots),
                QueueLimit = parsed.GetRequiredValue(queueLimit),
                MaximumStoreBytes = parsed.GetRequiredValue(maximumStoreBytes),
                Workspace = parsed.GetRequiredValue(workspace),
                WarmToolMinutes = parsed.GetRequiredValue(warmToolMinutes),
                WarmToolBytes = parsed.GetRequiredValue(warmToolBytes),
                Configuration = parsed.GetValue(configuration),
                ReapiExecution = parsed.GetValue(reapi),
                ReapiSystemPaths = parsed.GetValue(reapiSystemPaths) ?? [],
                ReapiPlatform = parsed.GetValue(reapiPlatform) ?? [],
                DangerouslyAllowAnyone = parsed.GetValue(anyone),
                DangerouslyAllowCleartext = parsed.GetValue(cleartext),
            },
            parsed.InvocationConfiguration.Output,
            parsed.InvocationConfiguration.Error,
            cancellationToken));
        return command;
    }
}
