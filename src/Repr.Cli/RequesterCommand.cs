using System.CommandLine;
using System.Diagnostics;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Cas;
using Repr.Requester;
using Repr.Requester.Door;
using Repr.Requester.Files;
using Repr.Workspaces.Fuse;

namespace Repr.Cli;

/// <summary><c>repr requester</c>: the background process; started by the tasks of a build when they need it.</summary>
internal static partial class RequesterCommand
{
    private const long MaximumKeptBytes = 5L << 30;

    private static readonly TimeSpan s_storePatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_storePoll = TimeSpan.FromMilliseconds(50);

    /// <summary>Makes the verb.</summary>
    public static System.CommandLine.Command Create()
    {
        Option<string> door = DoorOption.Create();
        Option<int> idle =
            new("--idle-seconds") { Description = "Stop after this many seconds without a request.", DefaultValueFactory = _ => 900 };
        idle.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1)
            {
                result.AddError("--idle-seconds is at least 1.");
            }
        });
        System.CommandLine.Command command =
            new("requester", "Run the background process of this user (builds start it by themselves).") { door, idle };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(door)!, parsed.GetValue(idle), parsed.InvocationConfiguration.Error, cancellationToken));
        return command;
    }

    // The process before this one may still have it for a moment.
    private static async Task<ILocalContentStore?> TryOpenKeptAsync(string directory, ILogger log, CancellationToken cancellationToken)
    {
        DiskContentStoreOptions options = new() { Path = directory, MaximumBytes = MaximumKeptBytes, Durable = false };
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            Exception failure;
            try
            {
                return await DiskContentStore.OpenAsync(options, TimeProvider.System, NullLogger.Instance, cancellationToken);
            }
            catch (Exception exception) when (exception is ReprException or IOException or UnauthorizedAccessException or OperationCanceledException)
            {
                failure = exception;
            }

            if (failure is not ReprException { Code: ReprErrorCode.Unavailable } || cancellationToken.IsCancellationRequested || Stopwatch.GetElapsedTime(start) > s_storePatience)
            {
                Log.NothingKept(log, failure.Message);
                return null;
            }

            await Task.Delay(s_storePoll, CancellationToken.None);
        }
    }

    [SupportedOSPlatform("linux")]
    private static async Task<IAsyncDisposable> MountAsync(string directory, IFileSource files, ILogger log, CancellationToken cancellationToken) =>
        await FuseMount.MountAsync(directory, files, log, cancellationToken);

    private static async Task<int> RunAsync(string door, int idleSeconds, TextWriter error, CancellationToken cancellationToken)
    {
        try
        {
            ProcessSession.Leave();
            RequesterOptions options = new()
            {
                DoorPath = door,
                CacheDirectory = DoorPaths.FindCacheDirectory(),
                Plugins = RequesterPlugins.Select(),
                IdleTimeout = TimeSpan.FromSeconds(idleSeconds),
            };
            await using SharedStoreSource shared = new(options.Plugins);
            return await RequesterProcess.RunAsync(
                options,
                new RequesterStores
                {
                    OpenKept = (log, token) => TryOpenKeptAsync(Path.Combine(options.CacheDirectory, "content"), log, token),
                    OpenShared = shared.Open,
                    Mount = OperatingSystem.IsLinux() ? MountAsync : null,
                },
                cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync($"error REPR1301: The requester process could not start: {exception.Message}");
            return 1;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "What is fetched from workers is not kept: {Reason}")]
        public static partial void NothingKept(ILogger log, string reason);
    }
}
