using System.Collections;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Text;
using Google.Protobuf;
using Repr.Protocol.V1;

namespace Repr.Build;

/// <summary>What the requester process wrote about one action: its text, then exactly one of the two verdicts.</summary>
/// <param name="Output">What the tool wrote to its standard output. Empty when somebody listened to the text.</param>
/// <param name="Error">What the tool wrote to its standard error. Empty when somebody listened to the text.</param>
/// <param name="Done">The tool ran; all outputs are written.</param>
/// <param name="NotRun">The action has no verdict; nothing was written.</param>
/// <param name="IsDoorClosed">Nobody opened: the next action will hardly find somebody there either.</param>
/// <param name="IsLost">The process died before anything of the action was written or passed on: asking the next one is safe.</param>
internal sealed record DoorAnswer(byte[] Output, byte[] Error, Done? Done, NotRun? NotRun, bool IsDoorClosed = false, bool IsLost = false);

/// <summary>
/// A client of the requester process's door (protos/repr/v1/door.proto). Starts the process when nobody listens. Never throws for what
/// may go wrong outside: that is a <see cref="NotRun"/>. Any number of actions may be under way at the same time, each on a connection
/// of its own.
/// </summary>
/// <param name="toolPath">The repr.dll that the process runs.</param>
/// <param name="kept">Connections that may be used again; null: none are.</param>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore of which nobody asked for the wait handle holds nothing.")]
internal sealed class DoorClient(string toolPath, DoorConnections? kept = null)
{
    private const uint DoorVersion = 1;
    private static readonly TimeSpan s_startTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_startPoll = TimeSpan.FromMilliseconds(20);

    // A result that is known comes sooner, also from another machine on the same network.
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(50);

    // Those who find nobody there start one process, not one each.
    private readonly SemaphoreSlim _starting = new(1);

    private DoorConnection? _announced; // on which an action was announced

    /// <summary>
    /// Says which action will be asked for next, where that costs no connecting: the process looks at its inputs meanwhile. What goes wrong shows when it is asked for.
    /// Followed by <see cref="Run(Protocol.V1.Run, Action{DoorText}?, Action?, CancellationToken)"/>, or by <see cref="Withdraw"/>.
    /// </summary>
    /// <param name="predictionKey">Of the action.</param>
    public void Announce(string predictionKey)
    {
        if (kept?.Take() is not { } connection)
        {
            return;
        }

        try
        {
            Send(connection, new DoorRequest { Announcement = new Announcement { PredictionKey = predictionKey } });
            _announced = connection;
        }
        catch (Exception exception) when (IsOfTheDoor(exception))
        {
            connection.Dispose();
        }
    }

    /// <summary>The action that was announced is not asked for, if it was not yet.</summary>
    public void Withdraw()
    {
        if (Interlocked.Exchange(ref _announced, null) is { } connection)
        {
            kept!.Keep(connection);
        }
    }

    /// <summary>
    /// Runs one action and waits for its end, on the caller's thread: each node of MSBuild would compile what is asynchronous, and a thread that wakes
    /// another one waits for a processor twice. Cancelling closes the connection, which cancels the action.
    /// </summary>
    /// <param name="run">The action.</param>
    /// <param name="text">Gets the tool's text as it arrives, in its order; null: it is collected.</param>
    /// <param name="waiting">Called as soon as it takes longer than what is known takes, perhaps more than once.</param>
    /// <param name="cancellationToken">Ends the action.</param>
    public DoorAnswer Run(Run run, Action<DoorText>? text, Action? waiting, CancellationToken cancellationToken)
    {
        DoorConnection? used = Interlocked.Exchange(ref _announced, null) ?? kept?.Take();
        DoorAnswer? answer = used is null ? null : Run(used, run, text, waiting, cancellationToken);
        // A process that ends when nothing is under way closes a connection that was kept, perhaps at this moment.
        return answer is null or { IsLost: true } ? Run(null, run, text, waiting, cancellationToken) : answer;
    }

    private DoorAnswer Run(DoorConnection? connection, Run run, Action<DoorText>? text, Action? waiting, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        bool hasPassedOn = false;
        bool isAnswered = false;
        using MemoryStream output = new();
        using MemoryStream error = new();
        DoorAnswer NoVerdict(string code, string message, bool isLost = false) => new(
            output.ToArray(),
            error.ToArray(),
            null,
            new NotRun
            {
                Code = code,
                Message = message,
                Cancelled = cancellationToken.IsCancellationRequested,
                TextPassedOn = hasPassedOn,
            },
            connection is null,
            isLost);

        try
        {
            connection ??= Open(waiting, cancellationToken);
            using CancellationTokenRegistration close = cancellationToken.Register(connection.Dispose);
            Send(connection, new DoorRequest { Run = run });
            while (true)
            {
                if (waiting is not null && !connection.WaitForReply(s_patience - Stopwatch.GetElapsedTime(start)))
                {
                    waiting();
                    waiting = null;
                }

                DoorReply reply = connection.Receive();
                switch (reply.ReplyCase)
                {
                    case DoorReply.ReplyOneofCase.Text when text is not null:
                        hasPassedOn = true;
                        text(reply.Text);
                        break;
                    case DoorReply.ReplyOneofCase.Text:
                        reply.Text.Data.WriteTo(reply.Text.IsStderr ? error : output);
                        break;
                    case DoorReply.ReplyOneofCase.Done:
                        isAnswered = true;
                        return new DoorAnswer(output.ToArray(), error.ToArray(), reply.Done, null);
                    case DoorReply.ReplyOneofCase.NotRun:
                        isAnswered = true;
                        reply.NotRun.TextPassedOn |= hasPassedOn;
                        return new DoorAnswer(output.ToArray(), error.ToArray(), null, reply.NotRun);
                    case DoorReply.ReplyOneofCase.WrongVersion:
                        return NoVerdict(
                            MessageCodes.VersionMismatch,
                            $"The requester process is version {reply.WrongVersion.ProductVersion}, this SDK is {ProductVersion()}; they do not talk. "
                            + "Run 'repr shutdown'.");
                    default:
                        // An answer of a newer minor version that we need not know.
                        break;
                }
            }
        }
        catch (Exception exception) when (IsOfTheDoor(exception))
        {
            return NoVerdict(
                MessageCodes.RequesterGone,
                connection is not null
                    ? $"The requester process went away ({exception.Message.TrimEnd('.')}); see requester.log in the cache directory."
                    : $"The requester process could not be reached: {exception.Message.TrimEnd('.')}.",
                isLost: connection is not null && !hasPassedOn && !cancellationToken.IsCancellationRequested
                    && exception is SocketException or (IOException and not InvalidProtocolBufferException));
        }
        finally
        {
            Release(connection, isAnswered && !cancellationToken.IsCancellationRequested);
        }
    }

    /// <summary>Asks for outputs that stayed on a worker to be readable, and for those that nobody has any more to be removed.</summary>
    /// <returns>What became of it; nothing when the process could not be asked.</returns>
    public RefreshReply Refresh(IEnumerable<string> files, CancellationToken cancellationToken)
    {
        DoorConnection? used = kept?.Take();
        return (used is null ? null : TryRefresh(used, files, cancellationToken)) ?? TryRefresh(null, files, cancellationToken) ?? new RefreshReply();
    }

    private RefreshReply? TryRefresh(DoorConnection? connection, IEnumerable<string> files, CancellationToken cancellationToken)
    {
        bool isAnswered = false;
        try
        {
            connection ??= Open(null, cancellationToken);
            using CancellationTokenRegistration close = cancellationToken.Register(connection.Dispose);
            Send(connection, new DoorRequest { Refresh = new RefreshRequest { Files = { files } } });
            DoorReply reply = connection.Receive();
            isAnswered = true;
            return reply.Refresh ?? new RefreshReply();
        }
        catch (Exception exception) when (IsOfTheDoor(exception))
        {
            return null;
        }
        finally
        {
            Release(connection, isAnswered && !cancellationToken.IsCancellationRequested);
        }
    }

    /// <summary>Asks a process that listens how it is, and does not care for the answer: the next one to ask finds the way prepared.</summary>
    /// <exception cref="IOException">The process can't be asked, as may other exceptions say.</exception>
    public void WarmUp()
    {
        DoorConnection? connection = TryConnect(out _);
        if (connection is null)
        {
            return;
        }

        bool isAnswered = false;
        try
        {
            Send(connection, new DoorRequest { Status = new StatusRequest() });
            if (connection.WaitForReply(s_patience))
            {
                connection.Receive();
                isAnswered = true;
            }
        }
        finally
        {
            Release(connection, isAnswered);
        }
    }

    private DoorConnection Open(Action? waiting, CancellationToken cancellationToken) =>
        TryConnect(out string door) ?? ConnectOrStart(door, waiting, cancellationToken);

    private void Release(DoorConnection? connection, bool isAnswered)
    {
        if (isAnswered && kept is not null && connection!.CanBeKept)
        {
            kept.Keep(connection);
        }
        else
        {
            connection?.Dispose();
        }
    }

    private void Send(DoorConnection connection, DoorRequest request)
    {
        request.KeepOpen = kept is not null && connection.CanBeKept;
        request.DoorVersion = DoorVersion;
        request.ProductVersion = ProductVersion();
        connection.Send(request);
    }

    private static bool IsOfTheDoor(Exception exception) => exception is IOException or SocketException or ObjectDisposedException or InvalidOperationException
        or InvalidProtocolBufferException or UnauthorizedAccessException or PlatformNotSupportedException
        or System.ComponentModel.Win32Exception or ArgumentException or OperationCanceledException;

    private static string ProductVersion() => typeof(DoorClient).Assembly.GetName().Version?.ToString(3) ?? "";

    private DoorConnection? TryConnect(out string door)
    {
        if (!File.Exists(toolPath))
        {
            throw new IOException($"'{toolPath}' is not there; check ReprToolPath or restore the Repr.Build.Sdk package again");
        }

        string runtimeDirectory = DoorAddress.RuntimeDirectory();
        DoorAddress.Secure(runtimeDirectory);
        door = DoorAddress.Door(runtimeDirectory, toolPath);
        return DoorConnection.TryConnect(door);
    }

    private DoorConnection ConnectOrStart(string door, Action? waiting, CancellationToken cancellationToken)
    {
        waiting?.Invoke();
        _starting.Wait(cancellationToken);
        try
        {
            return DoorConnection.TryConnect(door) ?? Start(door, cancellationToken);
        }
        finally
        {
            _starting.Release();
        }
    }

    private DoorConnection Start(string door, CancellationToken cancellationToken)
    {
        StartRequester(door);
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < s_startTimeout;)
        {
            Thread.Sleep(s_startPoll);
            cancellationToken.ThrowIfCancellationRequested();
            if (DoorConnection.TryConnect(door) is { } started)
            {
                return started;
            }
        }

        throw new IOException($"it was started but did not answer at '{door}' within {s_startTimeout.TotalSeconds:0} s; see requester.log in the cache directory");
    }

    private void StartRequester(string door)
    {
        string dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet";
        if (OperatingSystem.IsWindows())
        {
            StartOnWindows(dotnet, door);
            return;
        }

        // The shell puts it into the background and ends, so that it is nobody's child and holds none of our streams.
        StringBuilder arguments = new("-c");
        foreach (string argument in new[] { "\"$0\" \"$@\" </dev/null >/dev/null 2>&1 &", dotnet, toolPath, "requester", "--door", door })
        {
            Requester.Door.DetachedProcessNative.Append(arguments.Append(' '), argument);
        }

        ProcessStartInfo start = new("/bin/sh", arguments.ToString()) { WorkingDirectory = "/", UseShellExecute = false };
        // It outlives this build: what MSBuild's nodes pass on to their children is not for it.
        foreach (string name in start.Environment.Keys.Where(IsOfThisBuild).ToList())
        {
            start.Environment.Remove(name);
        }

        using Process? shell = Process.Start(start);
        shell?.WaitForExit();
    }

    // repr.exe finds .NET by itself; repr.dll alone needs its host.
    private void StartOnWindows(string dotnet, string door)
    {
        string program = Path.ChangeExtension(toolPath, ".exe");
        List<string> arguments = ["requester", "--door", door];
        if (!File.Exists(program))
        {
            program = File.Exists(dotnet) ? dotnet : FindOnPath("dotnet.exe")
                ?? throw new IOException($"neither '{program}' nor dotnet.exe on the PATH is there");
            arguments.Insert(0, toolPath);
        }

        Requester.Door.DetachedProcessNative.Start(
            program,
            arguments,
            Path.GetDirectoryName(toolPath)!,
            Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
                .Where(variable => !IsOfThisBuild((string)variable.Key))
                .Select(variable => new KeyValuePair<string, string>((string)variable.Key, (string?)variable.Value ?? "")));
    }

    private static bool IsOfThisBuild(string variable) => variable.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase);

    private static string? FindOnPath(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Where(Path.IsPathFullyQualified)
        .Select(directory => Path.Combine(directory, name))
        .FirstOrDefault(File.Exists);
}
