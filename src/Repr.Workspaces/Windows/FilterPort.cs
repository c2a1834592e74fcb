using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Windows;

/// <summary>
/// The worker's connection to reprflt.sys. When it is closed, the driver forgets everything and denies every open of the processes that are
/// left. Safe for concurrent use: each message is a call of its own.
/// </summary>
/// <remarks>The protocol is specified in driver/reprflt/include/reprflt_protocol.h.</remarks>
[SupportedOSPlatform("windows")]
internal sealed unsafe class FilterPort : IDisposable
{
    private const int FileNotFound = unchecked((int)0x80070002);
    private const int AccessDenied = unchecked((int)0x80070005);
    private const int ConnectionCount = unchecked((int)0x800704D6);
    private const int InstanceNotFound = unchecked((int)0x801F0015);
    private const int ModuleNotFound = unchecked((int)0x8007007E);

    private readonly SafeFileHandle _port;

    private FilterPort(SafeFileHandle port, FilterWelcome limits)
    {
        _port = port;
        Limits = limits;
    }

    /// <summary>What the driver can hold.</summary>
    public FilterWelcome Limits { get; }

    /// <summary>Connects, and makes sure that both speak the same version.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: the driver is not there, or is another version.</exception>
    public static FilterPort Connect()
    {
        int result;
        SafeFileHandle port;
        try
        {
            result = FilterNative.Connect(FilterProtocol.PortName, 0, null, 0, null, out port);
        }
        catch (DllNotFoundException missing)
        {
            throw Unavailable(ModuleNotFound, "Windows' filter manager (fltlib.dll) is not on this machine.", missing);
        }

        if (result < 0)
        {
            port.Dispose();
            throw Unavailable(
                result,
                result switch
                {
                    FileNotFound => "The driver reprflt is not loaded: install it (docs/windows.md) and run 'fltmc load reprflt'.",
                    AccessDenied => "The driver reprflt takes administrators and SYSTEM only: run the worker as one, or as a service.",
                    ConnectionCount => "Another worker uses the driver reprflt; there is one to a machine.",
                    _ => "The driver reprflt does not take this worker's connection.",
                });
        }

        try
        {
            FilterQuestion hello = new() { Header = Header<FilterQuestion>(FilterMessageType.Hello) };
            FilterWelcome welcome = default;
            Send(port, ref hello, ref welcome, "say hello");
            return welcome.Version == FilterProtocol.Version
                ? new FilterPort(port, welcome)
                : throw new ReprException(
                    ReprErrorCode.Unavailable,
                    $"{MessageCodes.NoDriver}: The driver reprflt speaks version {welcome.Version} of its protocol, this worker {FilterProtocol.Version}: "
                    + "install the driver that came with it.");
        }
        catch
        {
            port.Dispose();
            throw;
        }
    }

    /// <summary>Says where on a volume the staging directories are.</summary>
    /// <param name="device">\Device\HarddiskVolume3</param>
    /// <param name="root">\repr\work, on that volume.</param>
    /// <exception cref="ReprException">The driver refused.</exception>
    public void AddVolume(string device, string root)
    {
        FilterAddVolume message = new() { Header = Header<FilterAddVolume>(FilterMessageType.AddVolume) };
        message.DeviceLength = Copy(device, message.Device);
        message.RootLength = Copy(root, message.Root);
        Send(ref message, $"use '{root}' on '{device}'");
    }

    /// <summary>Begins an action whose staging directory has a name on every volume.</summary>
    /// <exception cref="ReprException">The driver refused.</exception>
    public void BeginAction(ulong action, string name)
    {
        FilterBeginAction message = new() { Header = Header<FilterBeginAction>(FilterMessageType.BeginAction), Action = action };
        message.NameLength = Copy(name, message.Name);
        Send(ref message, $"begin the action '{name}'");
    }

    /// <summary>Sends a path, and what is below it, into the action's staging directory.</summary>
    /// <param name="action">The action; no process of it is there yet.</param>
    /// <param name="path">A device path.</param>
    /// <param name="target">A path in the staging directory.</param>
    /// <exception cref="ReprException">The driver refused.</exception>
    public void Redirect(ulong action, string path, string target) => AddRule(action, FilterRuleKind.Redirect, path, target);

    /// <summary>Lets the action read a path of the worker, and what is below it.</summary>
    /// <exception cref="ReprException">The driver refused.</exception>
    public void Allow(ulong action, string path) => AddRule(action, FilterRuleKind.Host, path, "");

    /// <summary>Shows a process, and all that it will start, the action's world.</summary>
    /// <param name="action">The action.</param>
    /// <param name="process">A process that is suspended and has not run.</param>
    /// <param name="created">Its time of creation, as GetProcessTimes says.</param>
    /// <exception cref="ReprException">The driver refused.</exception>
    public void AddProcess(ulong action, uint process, ulong created)
    {
        FilterAddProcess message = new()
        {
            Header = Header<FilterAddProcess>(FilterMessageType.AddProcess),
            Action = action,
            Process = process,
            Created = created,
        };
        Send(ref message, $"take process {process}");
    }

    /// <summary>Ends an action: nothing that still runs for it can open a file any more.</summary>
    /// <returns>How many processes still run.</returns>
    /// <exception cref="ReprException">The driver refused.</exception>
    public uint EndAction(ulong action)
    {
        FilterEndAction message = new() { Header = Header<FilterEndAction>(FilterMessageType.EndAction), Action = action };
        FilterEnded ended = default;
        Send(_port, ref message, ref ended, "end an action");
        return ended.Running;
    }

    /// <summary>What the driver has counted.</summary>
    /// <exception cref="ReprException">The driver refused.</exception>
    public FilterStatistics QueryStatistics()
    {
        FilterQuestion message = new() { Header = Header<FilterQuestion>(FilterMessageType.QueryStatistics) };
        FilterStatistics statistics = default;
        Send(_port, ref message, ref statistics, "tell its counts");
        return statistics;
    }

    /// <inheritdoc/>
    public void Dispose() => _port.Dispose();

    private void AddRule(ulong action, FilterRuleKind kind, string path, string target)
    {
        FilterAddRule message = new() { Header = Header<FilterAddRule>(FilterMessageType.AddRule), Action = action, Kind = kind };
        message.PathLength = Copy(path, message.Path);
        message.TargetLength = Copy(target, message.Target);
        Send(ref message, $"take a rule for '{path}'");
    }

    private static FilterHeader Header<T>(FilterMessageType type)
        where T : unmanaged => new() { Size = (uint)sizeof(T), Version = FilterProtocol.Version, Type = type };

    private static uint Copy(string text, Span<ushort> into)
    {
        if (text.Length > into.Length)
        {
            throw new ReprException(
                ReprErrorCode.Unavailable, $"'{text}' is too long for the driver: {into.Length} characters. Give the worker a shorter --data.");
        }

        text.CopyTo(MemoryMarshal.Cast<ushort, char>(into));
        return (uint)text.Length;
    }

    private void Send<T>(ref T message, string what)
        where T : unmanaged
    {
        fixed (T* start = &message)
        {
            Send(_port, (byte*)start, sizeof(T), null, 0, what);
        }
    }

    private static void Send<T, TReply>(SafeFileHandle port, ref T message, ref TReply reply, string what)
        where T : unmanaged
        where TReply : unmanaged
    {
        fixed (T* start = &message)
        fixed (TReply* end = &reply)
        {
            uint returned = Send(port, (byte*)start, sizeof(T), (byte*)end, sizeof(TReply), what);
            if (returned != sizeof(TReply) && (typeof(TReply) != typeof(FilterWelcome) || returned < sizeof(uint)))
            {
                throw new ReprException(ReprErrorCode.Unavailable, $"The driver reprflt answered with {returned} bytes when asked to {what}.");
            }
        }
    }

    private static uint Send(SafeFileHandle port, byte* message, int length, byte* reply, int replyLength, string what)
    {
        int result = FilterNative.Send(port, message, (uint)length, reply, (uint)replyLength, out uint returned);
        return result >= 0
            ? returned
            : throw Unavailable(
                result,
                result == InstanceNotFound
                    ? $"The driver reprflt is not attached to the volume: it could not {what} ('fltmc attach reprflt C:')."
                    : $"The driver reprflt could not {what}.");
    }

    private static ReprException Unavailable(int result, string message, Exception? cause = null)
    {
        Exception? reason = cause ?? Marshal.GetExceptionForHR(result);
        return new ReprException(ReprErrorCode.Unavailable, $"{MessageCodes.NoDriver}: {message} (0x{result:x8})", reason);
    }
}
