using Google.Protobuf;
using Microsoft.Extensions.Caching.Memory;
using Repr.Protocol;

namespace Repr.Server.Execution;

/// <summary>A part of an action that many actions share.</summary>
/// <param name="Facts">Known facts.</param>
/// <param name="Environment">Variables of the command.</param>
/// <param name="ReadRoots">Where the requester may be asked about files.</param>
internal sealed record InputSet(IReadOnlyList<InputFact> Facts, IReadOnlyDictionary<string, string> Environment, IReadOnlyList<VirtualPath> ReadRoots);

/// <summary>Reads input sets out of the store, puts there those that come with an action, and keeps those that were used last. Safe for concurrent use.</summary>
internal sealed class InputSets(ILocalContentStore store) : IDisposable
{
    private const long MaximumFacts = 2_000_000;
    private const int MaximumBytes = 64 << 20;

    private readonly MemoryCache _cache = new(new MemoryCacheOptions { SizeLimit = MaximumFacts });

    /// <summary>Puts sets that came with an action into the store.</summary>
    /// <param name="attached">Their content.</param>
    /// <param name="digests">The action's sets; those that came are among them.</param>
    /// <param name="lease">The action's.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidRequest"/>: one is not of the action, or is malformed. Else what the store reports.
    /// </exception>
    public async ValueTask AddAsync(
        IEnumerable<ByteString> attached, IReadOnlyCollection<Digest> digests, IContentLease lease, CancellationToken cancellationToken)
    {
        HashSet<Digest> named = [.. digests];
        List<Task> puts = []; // at once: a store behind this machine's takes its time for each
        foreach (ByteString bytes in attached)
        {
            Digest digest = Digest.Compute(bytes.Span);
            if (!named.Remove(digest))
            {
                throw new ReprException(ReprErrorCode.InvalidRequest, $"The input set {digest} came with an action that does not name it, or twice.");
            }

            Keep(digest, Parse(digest, bytes));
            lease.Add(digest);
            puts.Add(PutAsync(digest, bytes, cancellationToken));
        }

        await Task.WhenAll(puts);
    }

    /// <summary>The sets of an action, in their order.</summary>
    /// <param name="digests">Which; their content stays in the store as long as <paramref name="lease"/> is held.</param>
    /// <param name="lease">The action's.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.Corrupt"/>: one is not in the store. <see cref="ReprErrorCode.InvalidRequest"/>: one is malformed.
    /// </exception>
    public async ValueTask<IReadOnlyList<InputSet>> ReadAsync(
        IReadOnlyCollection<Digest> digests, IContentLease lease, CancellationToken cancellationToken)
    {
        List<InputSet> sets = new(digests.Count);
        foreach (Digest digest in digests)
        {
            lease.Add(digest);
            if (!_cache.TryGetValue(digest, out InputSet? set) || set is null)
            {
                set = await ReadAsync(digest, cancellationToken);
                Keep(digest, set);
            }

            sets.Add(set);
        }

        return sets;
    }

    /// <inheritdoc/>
    public void Dispose() => _cache.Dispose();

    private async ValueTask<InputSet> ReadAsync(Digest digest, CancellationToken cancellationToken)
    {
        if (digest.SizeBytes > MaximumBytes)
        {
            throw new ReprException(ReprErrorCode.InvalidRequest, $"An input set has at most {MaximumBytes} bytes, {digest} has more.");
        }

        await using Stream content = await OpenAsync(digest, cancellationToken)
            ?? throw new ReprException(ReprErrorCode.Corrupt, $"The input set {digest} is not in the store. It is sent again.");
        byte[] bytes = new byte[digest.SizeBytes];
        await content.ReadExactlyAsync(bytes, cancellationToken);
        return Parse(digest, UnsafeByteOperations.UnsafeWrap(bytes));
    }

    private async Task PutAsync(Digest digest, ByteString bytes, CancellationToken cancellationToken)
    {
        using MemoryStream content = new(bytes.ToByteArray(), writable: false);
        await store.PutAsync(digest, content, cancellationToken);
    }

    private void Keep(Digest digest, InputSet set) =>
        _cache.Set(digest, set, new MemoryCacheEntryOptions { Size = set.Facts.Count + set.Environment.Count + set.ReadRoots.Count + 1 });

    private static InputSet Parse(Digest digest, ByteString bytes)
    {
        try
        {
            Protocol.V1.InputSet set = Protocol.V1.InputSet.Parser.ParseFrom(bytes);
            return new InputSet(
                [.. set.Facts.Select(WireConversions.ToCore)],
                new Dictionary<string, string>(set.Environment, StringComparer.Ordinal),
                [.. set.ReadRoots.Select(VirtualPath.Parse)]);
        }
        catch (InvalidProtocolBufferException malformed)
        {
            throw new ReprException(ReprErrorCode.InvalidRequest, $"The input set {digest} is malformed: {malformed.Message}", malformed);
        }
    }

    // A store elsewhere that fails now does not have it: the requester does.
    private async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        try
        {
            return await store.OpenAsync(digest, cancellationToken);
        }
        catch (ReprException failure) when (failure.Code == ReprErrorCode.Unavailable)
        {
            return null;
        }
    }
}
