using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using Repr.Protocol.V1;

namespace Repr.Build;

/// <summary>
/// Runs actions remotely on behalf of a task: gives the engine's slot back while it waits, writes the one warning of a fallback and the
/// summary. Knows nothing about compilers. One per task; <see cref="Cancel"/> may be called by any thread.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Holds no timer and no handle; the engine may cancel a task at any time.")]
internal sealed class RemoteRun
{
    // A process that dies closes its connections before its door.
    private static readonly TimeSpan s_death = TimeSpan.FromMilliseconds(250);

    private readonly CancellationTokenSource _cancellation = new();
    private readonly Lock _saying = new();
    private DoorClient? _door;

    /// <summary>The tool's text and verdict.</summary>
    /// <param name="Output">Its standard output; empty when it was passed on.</param>
    /// <param name="Error">Its standard error; empty when it was passed on.</param>
    /// <param name="ExitCode">Its exit code; 128 + number for a signal, -1 for a time-out.</param>
    /// <param name="Signal">The signal that ended it; 0: none.</param>
    /// <param name="IsTimedOut">It was ended because it ran too long.</param>
    /// <param name="Worker">Where it ran.</param>
    internal sealed record Verdict(string Output, string Error, int ExitCode, int Signal, bool IsTimedOut, string Worker);

    /// <summary>What became of an action.</summary>
    /// <param name="Verdict">The tool ran: this is what it said.</param>
    /// <param name="RunLocally">The tool did not run and shall be run here. When false without a verdict, the task ends.</param>
    /// <param name="ExitCode">What the task returns when it ends without a verdict.</param>
    internal sealed record Outcome(Verdict? Verdict, bool RunLocally, int ExitCode);

    /// <summary>Set when the task was cancelled.</summary>
    public CancellationToken Cancellation => _cancellation.Token;

    /// <summary>Ends the actions, now or when they are started.</summary>
    public void Cancel() => _cancellation.Cancel();

    /// <summary>Says which action will be executed: <see cref="DoorClient.Announce"/>.</summary>
    public void Announce(IBuildEngine engine, RemoteSettings settings, string predictionKey) => Door(engine, settings).Announce(predictionKey);

    /// <summary>What was announced is not executed, if it was not yet.</summary>
    public void Withdraw() => _door?.Withdraw();

    /// <summary>
    /// Runs an action and waits, on the engine's thread. While it takes long, the engine may build other projects with this task's slot: the caller's current
    /// directory and environment may be another project's afterwards.
    /// </summary>
    /// <param name="log">The task's log.</param>
    /// <param name="engine">The task's engine.</param>
    /// <param name="settings">The project's settings.</param>
    /// <param name="action">The action.</param>
    /// <param name="text">Gets the tool's text as it is written; null: it is in the verdict.</param>
    public Outcome Execute(
        TaskLoggingHelper log, IBuildEngine engine, RemoteSettings settings, RemoteAction action, Action<DoorText>? text = null)
    {
        using EngineSlot slot = new(engine);
        if (action.Cache is not (CacheMode.Read or CacheMode.ReadWrite))
        {
            slot.GiveBack();
        }

        return Execute(log, engine, settings, action, text, slot.GiveBack);
    }

    /// <summary>As above for one of several actions of a task, each on a thread of its own that is not the engine's.</summary>
    public Outcome ExecuteBeside(TaskLoggingHelper log, IBuildEngine engine, RemoteSettings settings, RemoteAction action) =>
        Execute(log, engine, settings, action, text: null, waiting: null);

    /// <summary>
    /// Before it is decided what is up to date: sees to it that outputs that stayed on a worker can be read, and removes those that nobody has any more.
    /// What goes wrong shows when they are read.
    /// </summary>
    public void Refresh(TaskLoggingHelper log, IBuildEngine engine, RemoteSettings settings, IEnumerable<string> files)
    {
        DoorClient door = Door(engine, settings);
        WarnOf(log, engine, door.Refresh(files, _cancellation.Token).Warnings);
    }

    /// <summary>Logs an error for a tool that a signal or the time-out ended.</summary>
    public static void LogUnusualEnd(TaskLoggingHelper log, RemoteAction action, Verdict verdict)
    {
        if (verdict.Signal != 0)
        {
            log.LogError(
                null, MessageCodes.ToolSignalled, null, null, 0, 0, 0, 0,
                "{0}: the tool was ended by signal {1} on worker '{2}'.", action.Description, verdict.Signal, verdict.Worker);
        }
        else if (verdict.IsTimedOut)
        {
            log.LogError(
                null, MessageCodes.ToolTimedOut, null, null, 0, 0, 0, 0,
                "{0}: the tool was ended on worker '{1}' because it ran longer than {2} ms.",
                action.Description, verdict.Worker, (long)(action.Timeout?.TotalMilliseconds ?? 0));
        }
    }

    private DoorClient Door(IBuildEngine engine, RemoteSettings settings) =>
        LazyInitializer.EnsureInitialized(ref _door, () => new DoorClient(settings.ToolPath, DoorConnections.Of(engine, settings.ToolPath)))!;

    private Outcome Execute(
        TaskLoggingHelper log, IBuildEngine engine, RemoteSettings settings, RemoteAction action, Action<DoorText>? text, Action? waiting)
    {
        if (FindProblem(settings.Endpoint) is { } problem)
        {
            return GiveUp(
                log,
                engine,
                settings,
                action,
                MessageCodes.MalformedEndpoint,
                $"'{settings.Endpoint}' is not an endpoint: it {problem}. Set ReprEndpoint to an address such as http://worker:7070, or ReprEnabled=false.");
        }

        string brokenDoor = "Repr.Build.Door|" + settings.ToolPath;
        IBuildEngine4? objects = engine as IBuildEngine4;
        if (objects?.GetRegisteredTaskObject(brokenDoor, RegisteredTaskObjectLifetime.Build) is string earlier)
        {
            return GiveUp(log, engine, settings, action, MessageCodes.RequesterGone, earlier);
        }

        DoorClient door = Door(engine, settings);
        Run run = Describe(settings, action, isLive: text is not null);
        DoorAnswer answer = door.Run(run, text, waiting, _cancellation.Token);
        if (answer.IsLost)
        {
            log.LogMessage(MessageImportance.Low, "Repr: {0} is asked for once more: {1}", action.Description, answer.NotRun!.Message);
            waiting?.Invoke();
            Thread.Sleep(s_death);
            answer = door.Run(run, text, waiting, _cancellation.Token);
        }

        if (answer.NotRun is { Cancelled: true } || (answer.Done is null && _cancellation.IsCancellationRequested))
        {
            // As the stock task does: the build is being stopped, its result is no longer of interest.
            return new Outcome(null, RunLocally: false, ExitCode: 0);
        }

        if (answer.NotRun is { } notRun)
        {
            if (answer.IsDoorClosed)
            {
                // Waiting for it once per build is enough.
                objects?.RegisterTaskObject(brokenDoor, notRun.Message, RegisteredTaskObjectLifetime.Build, allowEarlyCollection: false);
            }

            if (notRun.ByChoice && !settings.FailInsteadOfFallback)
            {
                log.LogMessage(MessageImportance.Low, "Repr: {0} runs locally by choice ({1}: {2})", action.Description, notRun.Code, notRun.Message);
                return new Outcome(null, RunLocally: true, ExitCode: 0);
            }

            if (notRun.TextPassedOn && !settings.FailInsteadOfFallback)
            {
                log.LogMessage(
                    MessageImportance.High, "Repr: {0} was lost in the middle: it runs again, and what it wrote so far comes twice", action.Description);
            }

            return GiveUp(log, engine, settings, action, notRun.Code, notRun.Message);
        }

        return Conclude(log, engine, action, answer);
    }

    /// <summary>Goes the way of an action that nobody runs.</summary>
    public void Rehearse(TaskLoggingHelper log, IBuildEngine engine, RemoteSettings settings, RemoteAction action)
    {
        Describe(settings, action, isLive: false);
        Conclude(log, engine, action, new DoorAnswer([], [], WarmUp.ReadSample().Done, null));
    }

    private Outcome Conclude(TaskLoggingHelper log, IBuildEngine engine, RemoteAction action, DoorAnswer answer)
    {
        Done done = answer.Done!;
        Summarise(log, action, done);
        WarnOf(log, engine, done.Warnings);
        int exitCode = done.HowCase switch
        {
            Done.HowOneofCase.Signal => 128 + done.Signal,
            Done.HowOneofCase.TimedOut => -1,
            _ => done.Code,
        };
        return new Outcome(
            new Verdict(
                Encoding.UTF8.GetString(answer.Output), Encoding.UTF8.GetString(answer.Error), exitCode, done.Signal, done.TimedOut, done.Worker),
            RunLocally: false,
            ExitCode: 0);
    }

    /// <summary>What is wrong with an endpoint, as the rest of a sentence; null: nothing.</summary>
    public static string? FindProblem(string endpoint)
    {
        // Whoever the requester's settings find, or a farm.
        string whole = endpoint.TrimEnd('/');
        if (string.Equals(whole, "repr://discover", StringComparison.OrdinalIgnoreCase)
            || string.Equals(whole, "repr://farm", StringComparison.OrdinalIgnoreCase)
            || whole.StartsWith("repr://farm@", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? uri))
        {
            return "is no absolute URL";
        }

        if (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps)
        {
            return "starts with neither http:// nor https://, and is not repr://discover, repr://farm or repr://farm@host:port";
        }

        return uri.Host.Length == 0 ? "names no host" : null;
    }

    /// <summary>What the door is asked for an action.</summary>
    /// <param name="settings">The project's settings.</param>
    /// <param name="action">The action.</param>
    /// <param name="isLive">Text is wanted as it comes.</param>
    public static Run Describe(RemoteSettings settings, RemoteAction action, bool isLive) => new()
    {
        Endpoint = settings.Endpoint,
        Command = new Command
        {
            Arguments = { action.Arguments },
            WorkingDirectory = action.WorkingDirectory,
            Environment = { action.Environment.ToDictionary() },
            TimeoutMs = (long)(action.Timeout?.TotalMilliseconds ?? 0),
        },
        Inputs = { action.Inputs },
        GuessedInputs = { action.GuessedInputs },
        VirtualFiles = { action.VirtualFiles.Select(file => new VirtualFile { Path = file.Path, Content = ByteString.CopyFrom(file.Content) }) },
        OutputFiles = { action.OutputFiles },
        PlaceholderFiles = { action.PlaceholderFiles },
        OutputDirectories = { action.OutputDirectories },
        ReadRoots = { settings.ReadRoots.Union(action.ReadRoots, StringComparer.Ordinal) },
        Description = action.Description,
        PredictionKey = action.PredictionKey,
        EmptyMapping = settings.EmptyMapping,
        BuildId = settings.BuildId,
        WriteRoots = { action.WriteRoots },
        LiveText = isLive,
        Derive = action.Derive,
        TraceParent = Environment.GetEnvironmentVariable("TRACEPARENT") ?? "",
        Cache = action.Cache,
        Placement = Placements.Of(settings),
    };

    private Outcome GiveUp(
        TaskLoggingHelper log, IBuildEngine engine, RemoteSettings settings, RemoteAction action, string code, string message)
    {
        if (settings.FailInsteadOfFallback)
        {
            log.LogError(null, code, null, null, 0, 0, 0, 0, "{0}: {1} (ReprFallback=fail)", action.Description, message);
            return new Outcome(null, RunLocally: false, ExitCode: -1);
        }

        if (!IsFirst(engine, code))
        {
            log.LogMessage(MessageImportance.Low, "Repr: {0} runs locally ({1}: {2})", action.Description, code, message);
            return new Outcome(null, RunLocally: true, ExitCode: 0);
        }

        Warn(log, engine, code, $"{message} {action.Description} runs locally, and so does whatever else meets this.");
        return new Outcome(null, RunLocally: true, ExitCode: 0);
    }

    private void WarnOf(TaskLoggingHelper log, IBuildEngine engine, IEnumerable<Warning> warnings)
    {
        foreach (Warning warning in warnings)
        {
            if (IsFirst(engine, warning.Code))
            {
                Warn(log, engine, warning.Code, warning.Message);
            }
        }
    }

    private static void Warn(TaskLoggingHelper log, IBuildEngine engine, string code, string text)
    {
        if ((engine as IBuildEngine8)?.ShouldTreatWarningAsError(code) == true)
        {
            // Remote is an optimisation: its absence must not fail a build whose warnings are errors. ReprFallback=fail does that.
            log.LogMessage(MessageImportance.High, "Repr: {0}: {1}", code, text);
        }
        else
        {
            log.LogWarning(null, code, null, null, 0, 0, 0, 0, "{0}", text);
        }
    }

    // Of this build on this node. The actions of one task may ask at the same time.
    private bool IsFirst(IBuildEngine engine, string code)
    {
        string said = "Repr.Build.Said|" + code;
        if (engine is not IBuildEngine4 objects)
        {
            return true;
        }

        lock (_saying)
        {
            if (objects.GetRegisteredTaskObject(said, RegisteredTaskObjectLifetime.Build) is not null)
            {
                return false;
            }

            objects.RegisterTaskObject(said, code, RegisteredTaskObjectLifetime.Build, allowEarlyCollection: false);
            return true;
        }
    }

    private static void Summarise(TaskLoggingHelper log, RemoteAction action, Done done)
    {
        RunStatistics statistics = done.Statistics ?? new RunStatistics();
        log.LogMessage(
            MessageImportance.Normal,
            statistics.Kept
                ? "Repr: {0} is known here, as worker '{1}' knew it, in {2} ms (the tool ran {3} ms)"
                : statistics.HasCachedToolMs
                ? "Repr: {0} is from the cache of worker '{1}', in {2} ms (the tool ran {3} ms)"
                : "Repr: {0} ran on worker '{1}' in {2} ms",
            action.Description,
            done.Worker,
            statistics.TotalMs.ToString("0", CultureInfo.InvariantCulture),
            statistics.CachedToolMs.ToString("0", CultureInfo.InvariantCulture));
        if (statistics.CacheMiss.Length > 0)
        {
            log.LogMessage(MessageImportance.Low, "Repr: {0} is not from the cache: {1}", action.Description, statistics.CacheMiss);
        }

        log.LogMessage(
            MessageImportance.Low,
            "Repr: mapped {0}, asked back {1}, uploaded {2} files ({3} bytes), downloaded {4} files ({5} bytes), attempts {6}, request {7} bytes",
            statistics.Mapped,
            statistics.AskedBack,
            statistics.UploadedFiles,
            statistics.UploadedBytes,
            statistics.DownloadedFiles,
            statistics.DownloadedBytes,
            statistics.Attempts,
            statistics.RequestBytes);
        log.LogMessage(
            MessageImportance.Low,
            "Repr: upload {0:0} ms, queue {1:0} ms, tool {2:0} ms, download {3:0} ms",
            statistics.UploadMs,
            statistics.QueueMs,
            statistics.ToolMs,
            statistics.DownloadMs);
    }
}
