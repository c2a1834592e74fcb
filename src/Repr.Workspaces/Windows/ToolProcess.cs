using System.ComponentModel;
using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Windows;

/// <summary>How a tool is started.</summary>
/// <param name="Starter">Path of repr-start.exe on this machine.</param>
/// <param name="Command">What runs.</param>
/// <param name="Environment">The block of its environment.</param>
/// <param name="Drives">Letters that the worker lacks.</param>
/// <param name="Token">As whom it runs.</param>
/// <param name="Limits">What it may take.</param>
internal sealed record ToolStart(
    string Starter, Command Command, string Environment, IReadOnlyCollection<DriveLink> Drives, SafeAccessTokenHandle Token, ToolLimits Limits);

/// <summary>How a tool's processes ended.</summary>
/// <param name="ExitCode">What the tool said; null: it did not come to that.</param>
/// <param name="TimedOut">Its time was over.</param>
/// <param name="Signal">The signal that ended it, as its requester wished; 0: none.</param>
/// <param name="Exceeded">The worker's option that bounded what it wanted to take; null: none did.</param>
/// <param name="Started">When its first instruction ran: a time stamp of the clock.</param>
/// <param name="ProcessorTime">User and system time of all its processes.</param>
internal readonly record struct ToolEnding(uint? ExitCode, bool TimedOut, int Signal, string? Exceeded, long Started, TimeSpan ProcessorTime);

/// <summary>Runs one tool and all it starts, in a job.</summary>
/// <remarks>
/// The starter is created suspended, put into the job and registered before it runs; whatever comes after inherits both. The end is that
/// of the job, not of the tool: what it started may still write. Servers that live on for other compilers are the exception: once the
/// tool has ended and nothing else is left, they are killed.
/// </remarks>
[SupportedOSPlatform("windows")]
internal sealed class ToolProcess(ToolStart start, TimeProvider timeProvider) : IDisposable
{
    private const uint KilledExitCode = 0xC000013A; // STATUS_CONTROL_C_EXIT
    private const int PumpBytes = 1 << 15;

    // What compilers leave behind on purpose; each action has its own, see ToolEnvironment.
    private static readonly HashSet<string> s_servers = new(StringComparer.OrdinalIgnoreCase)
    {
        "mspdbsrv.exe", "vctip.exe", "conhost.exe", "VBCSCompiler.exe", "repr-start.exe",
    };

    private readonly ToolJob _job = new(start.Limits);
    private readonly SemaphoreSlim _writing = new(1);
    private volatile bool _hasExited;
    private int _signal;

    /// <summary>Runs it; returns when no process of it is left.</summary>
    /// <param name="register">Makes the first process known to the driver.</param>
    /// <param name="text">Where its text goes; what it throws is given to <paramref name="fail"/>.</param>
    /// <param name="input">What it gets; null: nothing.</param>
    /// <param name="fail">Called with what makes the run pointless; has to cancel <paramref name="killed"/>.</param>
    /// <param name="killed">Kills all its processes.</param>
    /// <exception cref="ReprException">It could not be started.</exception>
    public async ValueTask<ToolEnding> RunAsync(
        Action<SuspendedProcess> register, IToolText text, IToolInput? input, Action<Exception> fail, CancellationToken killed)
    {
        await using InheritedPipe control = await InheritedPipe.CreateAsync(PipeDirection.InOut, killed);
        await using InheritedPipe stdin = await InheritedPipe.CreateAsync(PipeDirection.Out, killed);
        await using InheritedPipe stdout = await InheritedPipe.CreateAsync(PipeDirection.In, killed);
        await using InheritedPipe stderr = await InheritedPipe.CreateAsync(PipeDirection.In, killed);
        byte[] request = Starter.Encode(
            WindowsPath.Format(start.Command.Program),
            CommandLineText.Join(ArgumentsOf(start.Command)),
            WindowsPath.Format(start.Command.WorkingDirectory),
            start.Drives);
        using (SuspendedProcess starter = SuspendedProcess.Create(
            start.Starter,
            Starter.CommandLine(control.Far),
            Environment.SystemDirectory, // of the requester's directories none is there for this process
            start.Environment,
            [stdin.Far, stdout.Far, stderr.Far, control.Far],
            start.Token))
        {
            _job.Add(starter.Handle);
            register(starter);
            killed.ThrowIfCancellationRequested();
            starter.Resume();
        }

        Array.ForEach([control, stdin, stdout, stderr], static pipe => pipe.CloseFar());
        if (input is null)
        {
            await stdin.Near.DisposeAsync();
        }

        using CancellationTokenRegistration killing = killed.UnsafeRegister(_ => _job.Kill(KilledExitCode), null);
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(killed);
        Task empty = _job.WaitUntilEmptyAsync(EndServers);
        Task pumps = Task.WhenAll(PumpAsync(stdout.Near, false, text, fail, killed), PumpAsync(stderr.Near, true, text, fail, killed));
        Task feeding = Task.CompletedTask;
        CancellationTokenSource? timeout = null;
        long started = 0;
        StartReport report = default;
        try
        {
            await SendAsync(control.Near, request);
            report = await ReceiveAsync(control.Near);
            if (report.Kind == StartKind.Started)
            {
                started = timeProvider.GetTimestamp();
                timeout = StartTimeout();
                feeding = input is null ? feeding : FeedAsync(stdin.Near, input, ended.Token);
                report = await ReceiveAsync(control.Near);
                _hasExited = report.Kind == StartKind.Exited;
            }
        }
        finally
        {
            if (started == 0)
            {
                _job.Kill(KilledExitCode);
            }

            await empty;
            timeout?.Dispose();
            await pumps;
            await ended.CancelAsync();
            await feeding;
        }

        return report.Kind is 0 or StartKind.Exited
            ? new ToolEnding(
                report.Kind == StartKind.Exited ? report.Value : null,
                timeout is { IsCancellationRequested: true },
                Volatile.Read(ref _signal),
                _job.Exceeded,
                started,
                _job.ProcessorTime)
            : throw Starter.Explain(start.Command, report);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _job.Dispose();
        _writing.Dispose();
    }

    private static IReadOnlyList<string> ArgumentsOf(Command command) =>
        command.ProgramPath is null ? [WindowsPath.Format(command.Program), .. command.Arguments.Skip(1)] : command.Arguments;

    private static async ValueTask SendAsync(Stream control, byte[] request)
    {
        try
        {
            await control.WriteAsync(request, CancellationToken.None);
        }
        catch (IOException)
        {
            // It is gone already; that it said nothing tells the rest.
        }
    }

    // All zero: it is gone and has said nothing.
    private static async ValueTask<StartReport> ReceiveAsync(Stream control)
    {
        byte[] report = new byte[Marshal.SizeOf<StartReport>()];
        return await control.ReadAtLeastAsync(report, report.Length, throwOnEndOfStream: false, CancellationToken.None) == report.Length
            ? MemoryMarshal.Read<StartReport>(report)
            : default;
    }

    private CancellationTokenSource? StartTimeout()
    {
        if (start.Command.Timeout is not { } limit)
        {
            return null;
        }

        CancellationTokenSource timeout = new(limit, timeProvider);
        timeout.Token.UnsafeRegister(_ => _job.Kill(KilledExitCode), null);
        return timeout;
    }

    private async Task PumpAsync(Stream stream, bool isStandardError, IToolText text, Action<Exception> fail, CancellationToken killed)
    {
        byte[] buffer = new byte[PumpBytes];
        int read;
        while ((read = await stream.ReadAsync(buffer, CancellationToken.None)) > 0)
        {
            if (killed.IsCancellationRequested)
            {
                continue; // read on all the same: a full pipe would hold the end back
            }

            try
            {
                await _writing.WaitAsync(killed);
            }
            catch (OperationCanceledException)
            {
                continue;
            }

            try
            {
                await text.WriteAsync(isStandardError, buffer.AsMemory(0, read), killed);
            }
            catch (OperationCanceledException) when (killed.IsCancellationRequested)
            {
                // The end is near.
            }
#pragma warning disable CA1031 // whoever takes the text decides what it throws; it ends this action
            catch (Exception exception)
#pragma warning restore CA1031
            {
                fail(exception);
            }
            finally
            {
                _writing.Release();
            }
        }
    }

    private async Task FeedAsync(Stream stdin, IToolInput input, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (ToolInput next in input.ReadAllAsync(cancellationToken))
            {
                switch (next)
                {
                    case InputData data:
                        await WriteAsync(stdin, data, cancellationToken);
                        await input.TakenAsync(data.Bytes.Length, cancellationToken);
                        break;
                    case InputEnd:
                        await stdin.DisposeAsync();
                        break;
                    case InputSignal { Number: 1 or 2 or 3 or 15 } signal: // those that end a program that does not say otherwise
                        Volatile.Write(ref _signal, signal.Number);
                        _job.Kill(KilledExitCode);
                        break;
                    default:
                        break; // Windows has no such thing
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The tool has ended; what it did not read is of no interest.
        }
    }

    private static async ValueTask WriteAsync(Stream stdin, InputData data, CancellationToken cancellationToken)
    {
        try
        {
            await stdin.WriteAsync(data.Bytes, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // It does not read any more: the bytes are lost, as they are in a pipe of Linux.
        }
    }

    private void EndServers()
    {
        if (_hasExited && _job.ProcessIds() is { Count: > 0 } left && left.All(IsServer))
        {
            _job.Kill(0);
        }
    }

    private static bool IsServer(uint id)
    {
        try
        {
            using Process process = Process.GetProcessById((int)id);
            return s_servers.Contains(process.ProcessName + ".exe");
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            return true; // it has just ended
        }
        catch (Win32Exception)
        {
            return false; // it is there, and does not say what it is
        }
    }
}
