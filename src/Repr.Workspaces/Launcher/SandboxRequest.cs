using System.Buffers.Binary;
using System.Text;

namespace Repr.Workspaces.Launcher;

/// <summary>
/// The sandbox that the launcher is asked to make; the other side is <c>struct sandbox_header</c> of launch.h. Made before it is known
/// what runs in it: that follows as a <see cref="ToolRequest"/>.
/// </summary>
/// <param name="StagingDirectory">The sandbox's own directory; the launcher makes the layers in it.</param>
/// <param name="Command">What it is made for: identity, streams and paths of this machine count.</param>
/// <param name="WithFuse">Whether the lower layer is a FUSE file system, or the directory "lower" as it stands.</param>
/// <param name="OutsideUserId">The user the kernel knows the tool as.</param>
/// <param name="OutsideGroupId">The group the kernel knows the tool as.</param>
/// <param name="IsResident">The tool serves one action after the other.</param>
/// <param name="Foretold">Number of the <see cref="Fuse.ForetoldLayer"/> above the lower layer; 0: none.</param>
internal sealed record SandboxRequest(
    string StagingDirectory, Command Command, bool WithFuse, uint OutsideUserId, uint OutsideGroupId, bool IsResident = false, uint Foretold = 0)
{
    private const uint Magic = 0x33525052;
    private const uint FuseFlag = 1;
    private const uint InputFlag = 2;
    private const uint TerminalInFlag = 4;
    private const uint TerminalOutFlag = 8;
    private const uint TerminalErrorFlag = 16;
    private const uint ResidentFlag = 32;

    /// <summary>The request as it goes over the wire, its length first.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: a string holds a NUL, or the whole is too long.</exception>
    public byte[] Encode() => LaunchMessage.Encode(
        [
            Magic, Flags(), Command.UserId, Command.GroupId, OutsideUserId, OutsideGroupId, (uint)Command.SystemPaths.Count,
            (uint)(Command.Terminal?.Rows ?? 0), (uint)(Command.Terminal?.Columns ?? 0), Foretold,
        ],
        [StagingDirectory, .. Command.SystemPaths.Select(path => path.Text)]);

    private uint Flags() =>
        (WithFuse ? FuseFlag : 0)
        | (IsResident ? ResidentFlag : 0)
        | (Command.TakesInput ? InputFlag : 0)
        | (Command.Terminal is { IsInput: true } ? TerminalInFlag : 0)
        | (Command.Terminal is { IsOutput: true } ? TerminalOutFlag : 0)
        | (Command.Terminal is { IsError: true } ? TerminalErrorFlag : 0);
}

/// <summary>What is to run in a sandbox; the other side is <c>struct tool_header</c> of launch.h.</summary>
/// <param name="Command">What to run.</param>
internal sealed record ToolRequest(Command Command)
{
    private const uint Magic = 0x32544f4f;

    /// <summary>The request as it goes over the wire, its length first.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: a string holds a NUL, or the whole is too long.</exception>
    public byte[] Encode() => LaunchMessage.Encode(
        [Magic, Command.Umask, (uint)Command.Arguments.Count, (uint)Command.Environment.Count],
        [
            Command.WorkingDirectory.Text, Command.Program.Text, .. Command.Arguments,
            .. Command.Environment.Select(variable => variable.Key + "=" + variable.Value),
        ]);
}

/// <summary>The form of both: a length, numbers, strings that end with NUL.</summary>
internal static class LaunchMessage
{
    private const int MaximumLength = 16 << 20;

    /// <summary>Writes one.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: a string holds a NUL, or the whole is too long.</exception>
    public static byte[] Encode(ReadOnlySpan<uint> header, List<string> strings)
    {
        if (strings.Find(text => text.Contains('\0', StringComparison.Ordinal)) is { } wrong)
        {
            throw new ReprException(
                ReprErrorCode.InvalidRequest, $"An argument or variable contains a NUL character: '{wrong.Replace('\0', '?')}'.");
        }

        long length = (header.Length * sizeof(uint)) + strings.Sum(text => (long)Encoding.UTF8.GetByteCount(text) + 1);
        if (length > MaximumLength)
        {
            throw new ReprException(
                ReprErrorCode.InvalidRequest, $"Arguments and environment have {length} bytes; at most {MaximumLength} can be run.");
        }

        byte[] message = new byte[sizeof(uint) + length];
        Span<byte> rest = message;
        BinaryPrimitives.WriteUInt32LittleEndian(rest, (uint)length);
        rest = rest[sizeof(uint)..];
        foreach (uint number in header)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(rest, number);
            rest = rest[sizeof(uint)..];
        }

        foreach (string text in strings)
        {
            rest = rest[(Encoding.UTF8.GetBytes(text, rest) + 1)..];
        }

        return message;
    }
}
