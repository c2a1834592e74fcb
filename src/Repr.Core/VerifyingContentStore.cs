namespace Repr;

/// <summary>
/// Checks everything that goes into and comes out of a store that is not trusted: one on another machine, or a plugin's.
/// The blob of no bytes is known without asking. Reading the last bytes of content that is not what its digest says fails with
/// <see cref="ReprErrorCode.Corrupt"/>.
/// Safe for concurrent use when the inner store is.
/// </summary>
/// <param name="inner">The store.</param>
/// <param name="name">What messages call it.</param>
public sealed class VerifyingContentStore(IContentStore inner, string name) : IContentStore
{
    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(digests);
        return digests.Contains(Digest.Empty)
            ? inner.FindMissingAsync([.. digests.Where(static digest => digest != Digest.Empty)], cancellationToken)
            : inner.FindMissingAsync(digests, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        if (digest == Digest.Empty)
        {
            return new MemoryStream([], writable: false);
        }

        Stream? content = await inner.OpenAsync(digest, cancellationToken);
        return content is null ? null : new VerifyingStream(content, digest, $"from store '{name}'", leaveOpen: false);
    }

    /// <inheritdoc/>
    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(digest.IsDefault, true, nameof(digest));
        using VerifyingStream verified = new(content, digest, $"for store '{name}'", leaveOpen: true);
        if (digest == Digest.Empty)
        {
            await verified.CopyToAsync(Stream.Null, cancellationToken);
        }
        else
        {
            await inner.PutAsync(digest, verified, cancellationToken);
        }
    }
}
