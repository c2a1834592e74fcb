using System.Runtime.InteropServices;
using System.Text;

namespace Repr.Workspaces.Launcher;

/// <summary>What the launcher says when something in a sandbox could not be done: <c>struct failure</c> of launch.h.</summary>
internal static class SandboxFailure
{
    private enum Kind
    {
        Setup = 0,
        WorkingDirectory = 1,
        Program = 2,
        Interpreter = 3,
    }

    /// <summary>The error number; 0: it was done.</summary>
    public static int ErrorOf(ReadOnlySpan<byte> data) => MemoryMarshal.Read<Failure>(data).Error;

    /// <summary>Says it to a person.</summary>
    public static ReprException Explain(Command command, ReadOnlySpan<byte> data)
    {
        Failure failure = MemoryMarshal.Read<Failure>(data);
        ReadOnlySpan<byte> step = data[Marshal.SizeOf<Failure>()..];
        string reason = Marshal.GetPInvokeErrorMessage(failure.Error);
        string program = command.Program.Text;
        string where = command.SystemPaths.Count == 0 ? "on the requester" : "among the action's inputs and the worker's own files";
        return failure.Kind switch
        {
            Kind.WorkingDirectory when failure.Error == Errno.NoEntry => Invalid(
                $"The working directory '{command.WorkingDirectory}' was not found {where}."),
            Kind.WorkingDirectory => Invalid($"The working directory '{command.WorkingDirectory}' cannot be entered: {reason}."),
            Kind.Program when failure.Error == Errno.NoEntry => Invalid($"The program '{program}' was not found {where}."),
            Kind.Program => Invalid($"The program '{program}' cannot be started: {reason}."),
            Kind.Interpreter => Invalid($"The interpreter or dynamic loader that '{program}' needs was not found {where}."),
            _ => new ReprException(
                ReprErrorCode.Unavailable,
                $"The sandbox could not be made: {Encoding.UTF8.GetString(step[..step.IndexOf((byte)0)])}: {reason}."),
        };

        static ReprException Invalid(string message) => new(ReprErrorCode.InvalidRequest, message);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Failure
    {
        public Kind Kind;
        public int Error;
    }
}
