using System.Collections.Concurrent;

namespace Repr.Requester.Tests;

/// <summary>A store into which a test can reach.</summary>
internal sealed class OpenStore : IContentStore
{
    public ConcurrentDictionary<Digest, byte[]> Blobs { get; } = new();

    public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<Digest>>([.. digests.Where(digest => !Blobs.ContainsKey(digest))]);

    public ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken) =>
        IsBroken
            ? throw new IOException("broken")
            : ValueTask.FromResult<Stream?>(Blobs.TryGetValue(digest, out byte[]? content) ? new MemoryStream(content, writable: false) : null);

    public bool IsFull { get; set; }

    public bool IsBroken { get; set; }

    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        if (IsFull)
        {
            throw new ReprException(ReprErrorCode.Exhausted, "full");
        }

        using MemoryStream copy = new();
        await content.CopyToAsync(copy, cancellationToken);
        Blobs[digest] = copy.ToArray();
    }
}
