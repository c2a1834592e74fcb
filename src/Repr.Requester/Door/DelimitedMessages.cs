using Google.Protobuf;

namespace Repr.Requester.Door;

/// <summary>Messages on the door: each preceded by its length as a protobuf varint. Pure functions on a stream.</summary>
internal static class DelimitedMessages
{
    private const int MaximumBytes = 256 << 20;
    private const int VarintBytes = 5;

    /// <summary>Reads a message; null when the other side closed before its first byte.</summary>
    /// <exception cref="InvalidDataException">It is longer than allowed, or malformed.</exception>
    /// <exception cref="EndOfStreamException">The other side closed in the middle.</exception>
    public static async Task<T?> ReadAsync<T>(Stream stream, MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        byte[] one = new byte[1];
        uint length = 0;
        for (int index = 0; ; index++)
        {
            if (await stream.ReadAsync(one, cancellationToken) == 0)
            {
                return index == 0 ? null : throw new EndOfStreamException();
            }

            length |= (uint)(one[0] & 0x7F) << (7 * index);
            if (one[0] < 0x80)
            {
                break;
            }

            if (index == VarintBytes - 1)
            {
                throw new InvalidDataException("The length of a message on the door is malformed.");
            }
        }

        if (length > MaximumBytes)
        {
            throw new InvalidDataException($"A message on the door has {length} bytes; at most {MaximumBytes} are allowed.");
        }

        byte[] body = new byte[length];
        await stream.ReadExactlyAsync(body, cancellationToken);
        try
        {
            return parser.ParseFrom(body);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new InvalidDataException("A message on the door is malformed.", exception);
        }
    }

    /// <summary>Writes a message.</summary>
    public static Task WriteAsync(Stream stream, IMessage message, CancellationToken cancellationToken) => WriteAsync(stream, [message], cancellationToken);

    /// <summary>Writes messages at once: their reader wakes up once.</summary>
    public static async Task WriteAsync(Stream stream, IReadOnlyList<IMessage> messages, CancellationToken cancellationToken)
    {
        using MemoryStream buffer = new();
        foreach (IMessage message in messages)
        {
            message.WriteDelimitedTo(buffer);
        }

        await stream.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), cancellationToken);
    }
}
