using System.ComponentModel;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Windows;

/// <summary>A process that was created and has run no instruction yet. Disposing it closes its handles; if it was not resumed, it is killed.</summary>
[SupportedOSPlatform("windows")]
internal sealed unsafe class SuspendedProcess : IDisposable
{
    private readonly SafeFileHandle _thread;
    private bool _resumed;

    private SuspendedProcess(ProcessNative.Created created)
    {
        Handle = new SafeProcessHandle(created.Process, ownsHandle: true);
        _thread = new SafeFileHandle(created.Thread, ownsHandle: true);
        Id = created.ProcessId;
    }

    /// <summary>The process.</summary>
    public SafeProcessHandle Handle { get; }

    /// <summary>Its number.</summary>
    public uint Id { get; }

    /// <summary>When it was created, 100 ns since 1601: with its number it is one process for ever.</summary>
    public ulong CreationTime => ProcessNative.Times(Handle, out ulong created, out _, out _, out _) ? created : throw Failed("examined");

    /// <summary>Creates a process.</summary>
    /// <param name="program">The path of its image on this machine.</param>
    /// <param name="commandLine">All of it.</param>
    /// <param name="directory">Its current directory on this machine.</param>
    /// <param name="environment">All of it.</param>
    /// <param name="handles">What it inherits, nothing else: standard input, output and error, then others.</param>
    /// <param name="token">As whom it runs.</param>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: Windows refused.</exception>
    public static SuspendedProcess Create(
        string program, string commandLine, string directory, string environment, ReadOnlySpan<nint> handles, SafeAccessTokenHandle token)
    {
        nuint size = 0;
        _ = ProcessNative.InitializeAttributes(null, 1, 0, &size);
        byte* attributes = stackalloc byte[(int)size];
        if (!ProcessNative.InitializeAttributes(attributes, 1, 0, &size))
        {
            throw Failed("prepared");
        }

        try
        {
            // A command line is changed by the call: it gets a copy.
            char[] line = [.. commandLine, '\0'];
            fixed (nint* inherited = handles)
            fixed (char* programText = program, lineText = line, directoryText = directory, environmentText = environment)
            {
                ProcessNative.Startup startup = new()
                {
                    Size = (uint)sizeof(ProcessNative.Startup),
                    Flags = ProcessNative.UseStandardHandles,
                    Input = handles[0],
                    Output = handles[1],
                    Error = handles[2],
                    Attributes = attributes,
                };
                ProcessNative.Created created;
                const uint Flags = ProcessNative.CreateSuspended | ProcessNative.UnicodeEnvironment | ProcessNative.ExtendedStartup | ProcessNative.NoWindow;
                return ProcessNative.UpdateAttribute(
                        attributes, 0, ProcessNative.HandleList, inherited, (nuint)(handles.Length * sizeof(nint)), null, null)
                    && ProcessNative.CreateAs(
                        token, programText, lineText, null, null, 1, Flags, environmentText, directoryText, &startup, &created)
                        ? new SuspendedProcess(created)
                        : throw Failed($"created from '{program}'");
            }
        }
        finally
        {
            ProcessNative.DeleteAttributes(attributes);
        }
    }

    /// <summary>Lets it run.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: Windows refused.</exception>
    public void Resume()
    {
        if (ProcessNative.Resume(_thread) == uint.MaxValue)
        {
            throw Failed("resumed");
        }

        _resumed = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_resumed)
        {
            _ = ProcessNative.Terminate(Handle, 1);
        }

        _thread.Dispose();
        Handle.Dispose();
    }

    private static ReprException Failed(string what)
    {
        Win32Exception reason = new();
        return new ReprException(ReprErrorCode.Unavailable, $"A process could not be {what}: {reason.Message}", reason);
    }
}
