using Repr.Cas.Far;
using StackExchange.Redis;

namespace Repr.Cas.Redis;

/// <summary>Reads the chunks of a blob, a few ahead. Not safe for concurrent use.</summary>
internal sealed class RedisBlobStream : ForwardStream
{
    private readonly RedisConnection _connection;
    private readonly RedisKey _key;
    private readonly Digest _digest;
    private readonly ZstdCodec _codec;
    private readonly Queue<Task<Lease<byte>?>> _asked = [];
    private readonly CancellationTokenSource _closed = new();
    private long _next;
    private Lease<byte>? _chunk;
    private int _position;

    private RedisBlobStream(RedisConnection connection, string key, Digest digest, ZstdCodec codec)
    {
        _connection = connection;
        _key = key;
        _digest = digest;
        _codec = codec;
    }

    private long Chunks => ((_digest.SizeBytes - 1) / RedisContentStore.ChunkLength) + 1;

    /// <summary>Opens a blob; null when the server lacks it.</summary>
    public static async ValueTask<Stream?> OpenAsync(
        RedisConnection connection, string key, Digest digest, int window, ZstdCodec codec, CancellationToken cancellationToken)
    {
        RedisBlobStream stream = new(connection, key, digest, codec);
        while (stream._asked.Count < window && stream._next < stream.Chunks)
        {
            stream.Ask();
        }

        try
        {
            if (await stream.TakeAsync(cancellationToken))
            {
                return stream;
            }
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }

        await stream.DisposeAsync();
        return null;
    }

    /// <summary>What a stored value is: content of a known length, or less, which is that content as zstd.</summary>
    /// <returns>The content; disposing it is the caller's. The value is disposed unless it is the content.</returns>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Corrupt"/>: it is neither.</exception>
    public static Lease<byte> Decode(Lease<byte> value, int length, Digest digest, ZstdCodec codec)
    {
        if (value.Length == length)
        {
            return value;
        }

        Lease<byte> content = Lease<byte>.Create(length, clear: false);
        bool whole = codec.TryDecompress(value.Span, content.Span);
        value.Dispose();
        if (!whole)
        {
            content.Dispose();
            throw new ReprException(ReprErrorCode.Corrupt, $"A value of blob {digest} in Redis is damaged. Send the blob again.");
        }

        return content;
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested(); // An answer that is here already would be given out.
        if (buffer.IsEmpty)
        {
            return 0;
        }

        if (_chunk is null || _position == _chunk.Length)
        {
            if (_asked.Count == 0)
            {
                return 0;
            }

            if (!await TakeAsync(cancellationToken))
            {
                throw new ReprException(
                    ReprErrorCode.Unavailable, $"Blob {_digest} was evicted from {_connection.Where} while it was read. Try again.");
            }
        }

        int count = Math.Min(buffer.Length, _chunk!.Length - _position);
        _chunk.Span.Slice(_position, count).CopyTo(buffer.Span);
        _position += count;
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _chunk?.Dispose();
            _chunk = null;
            _closed.Cancel();
            _closed.Dispose();
            foreach (Task asked in _asked)
            {
                // Nobody waits for it any more, and nobody is to be told how it ended.
                _ = asked.ContinueWith(static task => _ = task.Exception, TaskScheduler.Default);
            }

            _asked.Clear();
        }

        base.Dispose(disposing);
    }

    private void Ask()
    {
        long index = _next++;
        _asked.Enqueue(_connection.RunAsync(
            "read blob {0} from", _digest, database => database.HashGetLeaseAsync(_key, index), _closed.Token));
    }

    private async ValueTask<bool> TakeAsync(CancellationToken cancellationToken)
    {
        Lease<byte>? value = await _asked.Peek().WaitAsync(cancellationToken);
        _ = _asked.Dequeue();
        if (value is null)
        {
            return false;
        }

        long taken = _next - _asked.Count - 1;
        if (_next < Chunks)
        {
            Ask();
        }

        long length = Math.Min(RedisContentStore.ChunkLength, _digest.SizeBytes - (taken * RedisContentStore.ChunkLength));
        _chunk?.Dispose();
        _chunk = null;
        _chunk = Decode(value, (int)length, _digest, _codec);
        _position = 0;
        return true;
    }
}
