using System.Buffers.Binary;
using System.Text;

namespace Repr.Workspaces.Launcher;

/// <summary>What the launcher is asked to start; the other side is <c>struct request_header</c> of launch.h.</summary>
/// <param name="StagingDirectory">The action's own directory; the launcher makes the layers in it.</param>
/// <param name="Command">What to run.</param>
/// <param name="WithFuse">Whether the lower layer is a FUSE file system, or the directory "lower" as it stands.</param>
/// <param name="OutsideUserId">The user the kernel knows the tool as.</param>
/// <param name="OutsideGroupId">The group the kernel knows the tool as.</param>
/// <param name="IsResident">The tool serves one action after the other.</param>
internal sealed record LaunchRequest(
    string StagingDirectory, Command Command, bool WithFuse, uint OutsideUserId, uint OutsideGroupId, bool IsResident = false)
{
    private const uint Magic = 0x31525052;
    private const uint FuseFlag = 1;
    private const uint InputFlag = 2;
    private const uint TerminalInFlag = 4;
    private const uint TerminalOutFlag = 8;
    private const uint TerminalErrorFlag = 16;
    private const uint ResidentFlag = 32;
    private const int HeaderLength = 12 * sizeof(uint);
    private const int MaximumLength = 16 << 20;

    /// <summary>The request as it goes over the wire, its length first.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidRequest"/>: a string holds a NUL, or the whole is too long.
    /// </exception>
    public byte[] Encode()
    {
        List<string> strings = [StagingDirectory, Command.WorkingDirectory.Text, Command.Program.Text];
        strings.AddRange(Command.Arguments);
        strings.AddRange(Command.Environment.Select(variable => variable.Key + "=" + variable.Value));
        strings.AddRange(Command.SystemPaths.Select(path => path.Text));
        if (strings.Find(text => text.Contains('\0', StringComparison.Ordinal)) is { } wrong)
        {
            throw new ReprException(
                ReprErrorCode.InvalidRequest, $"An argument or variable contains a NUL character: '{wrong.Replace('\0', '?')}'.");
        }

        long length = HeaderLength + strings.Sum(text => (long)Encoding.UTF8.GetByteCount(text) + 1);
        if (length > MaximumLength)
        {
            throw new ReprException(
                ReprErrorCode.InvalidRequest, $"Arguments and environment have {length} bytes; at most {MaximumLength} can be run.");
        }

        byte[] request = new byte[sizeof(uint) + length];
        Span<byte> rest = request;
        ReadOnlySpan<uint> header =
        [
            (uint)length, Magic, Flags(), Command.UserId, Command.GroupId, OutsideUserId, OutsideGroupId,
            Command.Umask, (uint)Command.Arguments.Count, (uint)Command.Environment.Count, (uint)Command.SystemPaths.Count,
            (uint)(Command.Terminal?.Rows ?? 0), (uint)(Command.Terminal?.Columns ?? 0),
        ];
        foreach (uint number in header)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(rest, number);
            rest = rest[sizeof(uint)..];
        }

        foreach (string text in strings)
        {
            rest = rest[(Encoding.UTF8.GetBytes(text, rest) + 1)..];
        }

        return request;
    }

    private uint Flags() =>
        (WithFuse ? FuseFlag : 0)
        | (IsResident ? ResidentFlag : 0)
        | (Command.TakesInput ? InputFlag : 0)
        | (Command.Terminal is { IsInput: true } ? TerminalInFlag : 0)
        | (Command.Terminal is { IsOutput: true } ? TerminalOutFlag : 0)
        | (Command.Terminal is { IsError: true } ? TerminalErrorFlag : 0);
}
