using Repr.Cas.Far;

namespace Repr.Cas.AzureBlob;

/// <summary>
/// Content that the client reads: it tells a failure of the content from one of the server, and fails where the content is not as long
/// as its digest says, so that the client commits nothing. Not safe for concurrent use. Does not own the content.
/// </summary>
internal sealed class WatchedContent(Stream content, Digest digest) : ForwardStream
{
    private long _position;

    /// <summary>What went wrong with the content itself; null: nothing.</summary>
    public Exception? Failure { get; private set; }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            int read = await content.ReadAsync(buffer, cancellationToken);
            _position += read;
            return _position <= digest.SizeBytes && (read > 0 || buffer.IsEmpty || _position == digest.SizeBytes)
                ? read
                : throw new ReprException(
                    ReprErrorCode.Corrupt, $"The content of blob {digest} is longer or shorter than its digest says. Send the blob again.");
        }
        catch (Exception exception)
        {
            Failure = exception;
            throw;
        }
    }
}
