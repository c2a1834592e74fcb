using Grpc.Core;
using Repr.Cas.Far;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using ZstdSharp;
using CoreDigest = Repr.Digest;

namespace Repr.Cas.Reapi;

/// <summary>
/// A blob that is read with ByteStream.Read. Every failure of a read is a <see cref="ReprException"/>. Read-only, forward-only,
/// asynchronous. Not safe for concurrent use.
/// </summary>
internal sealed class BlobDownload : ForwardStream
{
    private readonly ReapiConnection _connection;
    private readonly CoreDigest _digest;
    private readonly Messages _messages;
    private readonly Stream _content;

    private BlobDownload(ReapiConnection connection, CoreDigest digest, Messages messages, Stream content)
    {
        _connection = connection;
        _digest = digest;
        _messages = messages;
        _content = content;
    }

    /// <summary>Begins to read; null: the store lacks the blob.</summary>
    /// <exception cref="ReprException">The store does not answer.</exception>
    public static async Task<Stream?> TryOpenAsync(
        ReapiConnection connection, ReapiChannel store, CoreDigest digest, CancellationToken cancellationToken)
    {
        bool isCompressed = connection.Compresses && store.HasZstd;
        ReadRequest request = new() { ResourceName = new BlobResourceName(digest, isCompressed).ToReadName(store.InstanceName) };

        // With the first message it is known whether there is a blob; until then the call can be repeated.
        Messages? messages = await connection.RetryAsync(
            async _ =>
            {
                AsyncServerStreamingCall<ReadResponse> call = store.Streams.Read(request, cancellationToken: CancellationToken.None);
                try
                {
                    await using CancellationTokenRegistration stop = cancellationToken.Register(call.Dispose);
                    return await call.ResponseStream.MoveNext(cancellationToken) ? new Messages(call) : throw Empty(digest);
                }
                catch (RpcException failure) when (failure.StatusCode == StatusCode.NotFound)
                {
                    call.Dispose();
                    return null;
                }
                catch
                {
                    call.Dispose();
                    throw;
                }
            },
            cancellationToken);
        return messages is null
            ? null
            : new BlobDownload(connection, digest, messages, isCompressed ? new DecompressionStream(messages, leaveOpen: true) : messages);
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await _content.ReadAsync(buffer, cancellationToken);
        }
        catch (RpcException failure)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw _connection.Translate(failure);
        }
        catch (Exception broken) when (broken is ZstdException or EndOfStreamException)
        {
            throw new ReprException(ReprErrorCode.Corrupt, $"The content of blob {_digest} is no zstd: {broken.Message}", broken);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _content.Dispose();
            _messages.Dispose();
        }

        base.Dispose(disposing);
    }

    private static ReprException Empty(CoreDigest digest) => new(ReprErrorCode.Corrupt, $"The content of blob {digest} is empty.");

    // The bytes of the messages in a row; begins at the current one.
    private sealed class Messages(AsyncServerStreamingCall<ReadResponse> call) : ForwardStream
    {
        private int _position;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (_position == call.ResponseStream.Current.Data.Length)
            {
                if (!await call.ResponseStream.MoveNext(cancellationToken))
                {
                    return 0;
                }

                _position = 0;
            }

            ReadOnlySpan<byte> rest = call.ResponseStream.Current.Data.Span[_position..];
            int count = Math.Min(rest.Length, buffer.Length);
            rest[..count].CopyTo(buffer.Span);
            _position += count;
            return count;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                call.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
