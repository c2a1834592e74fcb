using ZstdSharp;

namespace Repr.Cas.Far;

/// <summary>
/// Content on its way from a store: decompressed if need be, and what breaks on the way told as a <see cref="ReprException"/>. Not
/// safe for concurrent use.
/// </summary>
public sealed class IncomingContent : ForwardStream
{
    private readonly Stream _content;
    private readonly IDisposable? _owner;
    private readonly Func<Exception, CancellationToken, ReprException?> _translate;

    /// <summary>Wraps the body of an answer.</summary>
    /// <param name="body">What the server sends.</param>
    /// <param name="contentEncoding">Its <c>Content-Encoding</c>; null or empty: none.</param>
    /// <param name="owner">Disposed after the body; null: nothing.</param>
    /// <param name="translate">Says what a failure of the body means, given what would make it a cancellation; null: it is passed on as it is.</param>
    public IncomingContent(
        Stream body, string? contentEncoding, IDisposable? owner, Func<Exception, CancellationToken, ReprException?> translate)
    {
        _content = string.Equals(contentEncoding, OutgoingContent.ZstdEncoding, StringComparison.OrdinalIgnoreCase)
            ? new DecompressionStream(body, leaveOpen: false)
            : body;
        _owner = owner;
        _translate = translate;
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await _content.ReadAsync(buffer, cancellationToken);
        }
        catch (ZstdException exception)
        {
            throw new ReprException(ReprErrorCode.Corrupt, $"A blob of the store is no zstd: {exception.Message}. Send the blob again.", exception);
        }
        catch (Exception exception) when (_translate(exception, cancellationToken) is { } translated)
        {
            throw translated;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _content.Dispose();
            _owner?.Dispose();
        }

        base.Dispose(disposing);
    }
}
