using System.Collections.Concurrent;

namespace Repr.Cas.Tests;

/// <summary>A store whose content can be replaced, that counts what is asked of it, waits and fails on demand.</summary>
internal sealed class DishonestContentStore(IContentStore inner) : IContentStore
{
    private int _opened;
    private int _asked;

    /// <summary>What it gives instead of a blob.</summary>
    public ConcurrentDictionary<Digest, byte[]> Lies { get; } = new();

    /// <summary>When set, all calls fail.</summary>
    public bool IsDown { get; set; }

    /// <summary>When set, opening fails.</summary>
    public bool IsDownForReads { get; set; }

    /// <summary>Opening waits for it.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Number of blobs opened.</summary>
    public int Opened => _opened;

    /// <summary>Number of digests looked for, opened or put.</summary>
    public int Asked => _asked;

    public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        Note(digests.Count);
        return inner.FindMissingAsync(digests, cancellationToken);
    }

    public async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        Note(1);
        Interlocked.Increment(ref _opened);
        await Gate;
        if (IsDownForReads)
        {
            throw new ReprException(ReprErrorCode.Unavailable, "The far store does not read.");
        }

        return Lies.TryGetValue(digest, out byte[]? lie)
            ? new MemoryStream(lie, writable: false)
            : await inner.OpenAsync(digest, cancellationToken);
    }

    public ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        Note(1);
        Lies.TryRemove(digest, out _);
        return inner.PutAsync(digest, content, cancellationToken);
    }

    private void Note(int digests)
    {
        Interlocked.Add(ref _asked, digests);
        if (IsDown)
        {
            throw new ReprException(ReprErrorCode.Unavailable, "The far store does not answer.");
        }
    }
}
