using Repr.Cas.Far;
using StackExchange.Redis;

namespace Repr.Cas.Redis;

/// <summary>Writes one blob of several chunks under a name of its own, and gives it the blob's name when all are there.</summary>
/// <param name="connection">The servers.</param>
/// <param name="key">The blob's name.</param>
/// <param name="digest">The blob.</param>
/// <param name="life">How long it is kept; null: until it is evicted.</param>
/// <param name="unfinishedLife">How long is kept what a writer that died has left.</param>
/// <param name="window">Chunks that are sent before the first is answered.</param>
/// <param name="codec">What compresses; null: nothing is compressed.</param>
internal sealed class RedisBlobWriter(
    RedisConnection connection, string key, Digest digest, TimeSpan? life, TimeSpan unfinishedLife, int window, ZstdCodec? codec)
{
    private const string What = "put blob {0} into";

    private readonly RedisKey _unfinished = $"{key}~{Guid.NewGuid():N}";

    /// <summary>Reads the content to its end and stores it; when it throws, the blob is what it was.</summary>
    public async Task WriteAsync(Stream content, CancellationToken cancellationToken)
    {
        Queue<Task> sent = [];
        long chunks = 0;
        try
        {
            for (long rest = digest.SizeBytes; rest > 0; rest -= RedisContentStore.ChunkLength)
            {
                if (sent.Count == window)
                {
                    await sent.Dequeue();
                }

                Chunk chunk = await Chunk.ReadAsync(
                    content, (int)Math.Min(rest, RedisContentStore.ChunkLength), digest, codec, cancellationToken);
                sent.Enqueue(SendAsync(chunks++, chunk, cancellationToken));
            }

            await Chunk.ExpectEndAsync(content, digest, cancellationToken);
            while (sent.TryDequeue(out Task? earliest))
            {
                await earliest;
            }

            await CommitAsync(chunks, cancellationToken);
        }
        catch
        {
            await Task.WhenAll(sent).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await DiscardAsync();
            throw;
        }
    }

    private async Task SendAsync(long index, Chunk chunk, CancellationToken cancellationToken)
    {
        await connection.RunAsync(
            What,
            digest,
            database => Task.WhenAll(
                database.HashSetAsync(_unfinished, index, chunk.Value), database.KeyExpireAsync(_unfinished, unfinishedLife)),
            cancellationToken);
        chunk.Return();
    }

    private async Task CommitAsync(long chunks, CancellationToken cancellationToken)
    {
        bool renamed = await connection.RunAsync(What, digest, CommitAsync, cancellationToken);
        if (!renamed)
        {
            throw new ReprException(
                ReprErrorCode.Exhausted,
                $"Could not put blob {digest} into {connection.Where}: what was written is gone before its end; it has too little memory. Give it more.");
        }

        async Task<bool> CommitAsync(IDatabaseAsync database)
        {
            // The server may have evicted what was written and gone on with a part of it; then there are fewer chunks.
            ITransaction transaction = await connection.TransactionAsync(cancellationToken);
            transaction.AddCondition(Condition.HashLengthEqual(_unfinished, chunks));
            Task rename = transaction.KeyRenameAsync(_unfinished, key);
            Task renew = life is null ? transaction.KeyPersistAsync(key) : transaction.KeyExpireAsync(key, life);
            if (await transaction.ExecuteAsync())
            {
                await Task.WhenAll(rename, renew);
                return true;
            }

            // Or an earlier try was carried out and only its answer was lost: the blob's name is only ever that of a whole one.
            return await database.KeyExistsAsync(key);
        }
    }

    private async Task DiscardAsync()
    {
        try
        {
            await connection.RunAsync(What, digest, database => database.KeyDeleteAsync(_unfinished), CancellationToken.None);
        }
        catch (ReprException)
        {
            // The failure that led here is the one to tell; the rest expires by itself.
        }
    }
}
