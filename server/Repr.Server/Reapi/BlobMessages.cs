using Google.Protobuf;

namespace Repr.Server.Reapi;

/// <summary>Reads messages that are blobs of the store. Safe for concurrent use.</summary>
internal static class BlobMessages
{
    private const int MaximumBytes = 64 << 20;

    /// <summary>Reads a message; null when the store lacks it.</summary>
    /// <param name="store">Where it is.</param>
    /// <param name="digest">Which.</param>
    /// <param name="parser">Of its type.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="ReapiException">It is malformed, or larger than 64 MiB.</exception>
    /// <exception cref="ReprException">The store does not answer.</exception>
    public static async ValueTask<T?> ReadMessageAsync<T>(
        this IContentStore store, Digest digest, MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        if (digest.SizeBytes > MaximumBytes)
        {
            throw ReapiException.Invalid($"The {typeof(T).Name} {digest} is larger than {MaximumBytes} bytes.");
        }

        await using Stream? content = await store.OpenAsync(digest, cancellationToken);
        if (content is null)
        {
            return null;
        }

        byte[] bytes = new byte[digest.SizeBytes];
        await content.ReadExactlyAsync(bytes, cancellationToken);
        try
        {
            return parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException malformed)
        {
            throw ReapiException.Invalid($"The blob {digest} is not a {typeof(T).Name}: {malformed.Message}");
        }
    }

    /// <summary>Reads a message; null when the store lacks it, or it is none.</summary>
    /// <param name="store">Where it is.</param>
    /// <param name="digest">Which.</param>
    /// <param name="parser">Of its type.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="ReprException">The store does not answer.</exception>
    public static async ValueTask<T?> TryReadMessageAsync<T>(
        this IContentStore store, Digest digest, MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        await using Stream? content = await store.OpenAsync(digest, cancellationToken);
        if (content is null)
        {
            return null;
        }

        using MemoryStream bytes = new();
        await content.CopyToAsync(bytes, cancellationToken);
        try
        {
            return parser.ParseFrom(bytes.ToArray());
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}
