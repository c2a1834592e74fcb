using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Windows;

/// <summary>What the processes of one action may take of the machine.</summary>
/// <param name="MemoryBytes">Committed memory of all of them; 0: no bound.</param>
/// <param name="Processes">How many may live at the same time.</param>
public sealed record ToolLimits(long MemoryBytes, int Processes);

/// <summary>
/// The job of one action's processes: none gets out of it, none outlives it. Disposing it kills what is in it. Safe for concurrent use,
/// disposal apart.
/// </summary>
/// <remarks>Source: "Job Objects" (learn.microsoft.com). That the last process has gone is told by a completion port.</remarks>
[SupportedOSPlatform("windows")]
internal sealed unsafe class ToolJob : IDisposable
{
    private const uint RestrictedUserInterface = 0xFF; // clipboard, atoms, desktops, system parameters, handles, ExitWindows

    // Messages are not guaranteed; this is how long a lost one costs.
    private const uint LookAgainMilliseconds = 500;

    private readonly SafeFileHandle _job;
    private readonly SafeFileHandle _port;
    private volatile string? _exceeded;

    /// <summary>Makes an empty job.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: Windows refused.</exception>
    public ToolJob(ToolLimits limits)
    {
        _job = JobNative.Create(null, null);
        _port = JobNative.CreatePort(-1, 0, 0, 1);
        JobNative.Limits information = new()
        {
            // Without a flag for it no process can break away.
            Flags = JobNative.LimitKillOnClose | JobNative.LimitDieOnUnhandledException | JobNative.LimitActiveProcesses
                | (limits.MemoryBytes > 0 ? JobNative.LimitJobMemory : 0),
            ActiveProcesses = (uint)limits.Processes,
            JobMemory = (nuint)limits.MemoryBytes,
        };
        JobNative.Association association = new() { Port = _port.DangerousGetHandle() };
        uint userInterface = RestrictedUserInterface;
        if (_job.IsInvalid
            || _port.IsInvalid
            || !JobNative.Set(_job, JobNative.ExtendedLimits, &information, (uint)sizeof(JobNative.Limits))
            || !JobNative.Set(_job, JobNative.UserInterface, &userInterface, sizeof(uint))
            || !JobNative.Set(_job, JobNative.CompletionPort, &association, (uint)sizeof(JobNative.Association)))
        {
            throw Failed("made");
        }
    }

    /// <summary>User and system time of all processes that were in it.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            JobNative.Accounting accounting = Account();
            return TimeSpan.FromTicks(accounting.UserTime + accounting.KernelTime);
        }
    }

    /// <summary>The worker's option that bounded what its processes wanted to take; null: none did. Known when it is empty.</summary>
    public string? Exceeded => _exceeded;

    /// <summary>Processes that live in it.</summary>
    public int Running => (int)Account().ActiveProcesses;

    /// <summary>Puts a process into it that has not run yet.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: Windows refused.</exception>
    public void Add(SafeProcessHandle process)
    {
        if (!JobNative.Assign(_job, process))
        {
            throw Failed("entered");
        }
    }

    /// <summary>Kills everything in it. Returns before all of it is gone.</summary>
    public void Kill(uint exitCode)
    {
        // Fails only if nothing is left to be killed.
        _ = JobNative.Terminate(_job, exitCode);
    }

    /// <summary>The numbers of the processes that live in it; a few hundred at most.</summary>
    public IReadOnlyList<uint> ProcessIds()
    {
        const int Header = 2 * sizeof(uint); // assigned, listed
        byte[] buffer = new byte[Header + (512 * sizeof(nuint))];
        fixed (byte* start = buffer)
        {
            if (!JobNative.Query(_job, JobNative.ProcessIds, start, (uint)buffer.Length, null))
            {
                return [];
            }

            uint listed = ((uint*)start)[1];
            return [.. MemoryMarshal.Cast<byte, nuint>(buffer.AsSpan(Header))[..(int)listed].ToArray().Select(static id => (uint)id)];
        }
    }

    /// <summary>Waits until nothing lives in it.</summary>
    /// <param name="look">Called whenever a process has ended, and from time to time, on a thread of its own.</param>
    public Task WaitUntilEmptyAsync(Action look) => Task.Factory.StartNew(
        () =>
        {
            while (true)
            {
                bool told = JobNative.Wait(_port, out uint message, out _, out _, LookAgainMilliseconds);
                if (told)
                {
                    Note(message);
                }

                if ((told && message == JobNative.MessageActiveProcessZero) || Running == 0)
                {
                    break;
                }

                look();
            }

            while (JobNative.Wait(_port, out uint message, out _, out _, milliseconds: 0))
            {
                Note(message);
            }
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    /// <inheritdoc/>
    public void Dispose()
    {
        _job.Dispose();
        _port.Dispose();
    }

    private void Note(uint message) => _exceeded ??= message switch
    {
        JobNative.MessageActiveProcessLimit => "--action-processes",
        JobNative.MessageJobMemoryLimit => "--action-memory-bytes",
        _ => null,
    };

    private JobNative.Accounting Account()
    {
        JobNative.Accounting accounting;
        return JobNative.Query(_job, JobNative.BasicAccounting, &accounting, (uint)sizeof(JobNative.Accounting), null)
            ? accounting
            : throw Failed("examined");
    }

    private static ReprException Failed(string what)
    {
        Win32Exception reason = new();
        return new ReprException(ReprErrorCode.Unavailable, $"The job of an action could not be {what}: {reason.Message}", reason);
    }
}
