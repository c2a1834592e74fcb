using Repr.Cas.Far;
using StackExchange.Redis;

namespace Repr.Cas.Redis;

/// <summary>
/// Blobs in Redis. One of at most <see cref="ChunkLength"/> bytes is a string. A longer one is a hash of chunks: one key, so that it
/// expires and is evicted as a whole; it is written under another name and renamed when all chunks are there, so that nobody sees a
/// part of it. A value that is shorter than its chunk is zstd; each chunk by itself, so it does not matter who wrote it.
/// Safe for concurrent use.
/// </summary>
internal sealed class RedisContentStore(RedisStoreOptions options, RedisConnection connection) : IContentStore, IAsyncDisposable
{
    /// <summary>Part of the form in which blobs are stored: all who share a server have the same.</summary>
    public const int ChunkLength = 1 << 20;

    // Enough to hide the server's answer behind the next command; more only fills the connection that small blobs share.
    private const int CommandsInFlight = 4;
    private const int QuestionsInFlight = 4096;

    // What a writer that died has left is removed after this.
    private static readonly TimeSpan UnfinishedLife = TimeSpan.FromHours(1);

    private readonly ZstdCodec _codec = new();

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(digests);
        List<Digest> missing = [];
        foreach (Digest[] some in digests.Distinct().Chunk(QuestionsInFlight))
        {
            // One command both asks and renews; all are sent before the first is answered.
            bool[] there = await connection.RunAsync(
                "look for blobs in", default, database => Task.WhenAll(some.Select(digest => RenewAsync(database, digest))), cancellationToken);
            missing.AddRange(some.Where((_, index) => !there[index]));
        }

        return missing;
    }

    /// <inheritdoc/>
    public async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        string key = KeyOf(digest);
        if (digest.SizeBytes > ChunkLength)
        {
            return await RedisBlobStream.OpenAsync(connection, key, digest, CommandsInFlight, _codec, cancellationToken);
        }

        Lease<byte>? value = await connection.RunAsync(
            "read blob {0} from", digest, database => database.StringGetLeaseAsync(key), cancellationToken);
        return value is null ? null : new LeaseStream(RedisBlobStream.Decode(value, (int)digest.SizeBytes, digest, _codec));
    }

    /// <inheritdoc/>
    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentOutOfRangeException.ThrowIfEqual(digest.IsDefault, true, nameof(digest));
        if (digest.SizeBytes > options.MaxBlobBytes)
        {
            throw new ReprException(
                ReprErrorCode.Exhausted,
                $"Blob {digest} is not put into {connection.Where}: it is longer than MaxBlobBytes ({options.MaxBlobBytes}). Raise that, or add a store behind it.");
        }

        await (digest.SizeBytes <= ChunkLength
            ? PutStringAsync(digest, content, cancellationToken)
            : new RedisBlobWriter(connection, KeyOf(digest), digest, options.TimeToLive, UnfinishedLife, CommandsInFlight, Encoder)
                .WriteAsync(content, cancellationToken));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _codec.Dispose();
        return connection.DisposeAsync();
    }

    private ZstdCodec? Encoder => options.Compression == BlobCompression.Zstd ? _codec : null;

    // The braces put a blob and its unfinished writes into one slot of a cluster, where they can be renamed.
    private string KeyOf(Digest digest) => $"{options.KeyPrefix}{{{digest.HashText}}}-{digest.SizeBytes}";

    private Task<bool> RenewAsync(IDatabaseAsync database, Digest digest) => options.TimeToLive is { } life
        ? database.KeyExpireAsync(KeyOf(digest), life)
        : database.KeyTouchAsync(KeyOf(digest));

    private async Task PutStringAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        Chunk chunk = await Chunk.ReadAsync(content, (int)digest.SizeBytes, digest, Encoder, cancellationToken);
        await Chunk.ExpectEndAsync(content, digest, cancellationToken);
        await connection.RunAsync(
            "put blob {0} into",
            digest,
            database => database.StringSetAsync(
                KeyOf(digest),
                chunk.Value,
                options.TimeToLive is { } life ? new Expiration(life) : Expiration.Default,
                ValueCondition.Always,
                CommandFlags.None),
            cancellationToken);
        chunk.Return();
    }
}
