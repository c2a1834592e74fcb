using Repr.Protocol.V1;

namespace Repr.Cli.Exec;

/// <summary>Writes a tool's text to this process's streams, byte by byte as it was written.</summary>
internal static class ConsoleText
{
    private static readonly Stream s_output = Console.OpenStandardOutput();
    private static readonly Stream s_error = Console.OpenStandardError();

    /// <summary>Writes it.</summary>
    public static async Task WriteAsync(DoorText text, CancellationToken cancellationToken)
    {
        Stream stream = text.IsStderr ? s_error : s_output;
        await stream.WriteAsync(text.Data.Memory, cancellationToken);
        await stream.FlushAsync(cancellationToken);
    }
}
