using Google.Protobuf;
using Grpc.Core;

namespace Repr.Protocol;

/// <summary>
/// Compresses the messages of a session, each by itself, where the line is worth more than the processor: between machines. Both sides
/// can leave it: gRPC says of each message whether it is compressed, and what the other side can read. Pure; safe for concurrent use.
/// </summary>
public static class MessageCompression
{
    /// <summary>What messages are compressed with, as gRPC calls it (RFC 1952).</summary>
    public const string Algorithm = "gzip";

    private const int WorthwhileBytes = 512;

    private static readonly WriteOptions s_compressed = new();
    private static readonly WriteOptions s_plain = new(WriteFlags.NoCompress);

    /// <summary>Headers of a call whose requests may be compressed, if the client's channel can.</summary>
    public static Metadata NewHeaders() => new() { { "grpc-internal-encoding-request", Algorithm } };

    /// <summary>How to write a message: short ones don't become shorter.</summary>
    public static WriteOptions OptionsFor(IMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return message.CalculateSize() < WorthwhileBytes ? s_plain : s_compressed;
    }
}
