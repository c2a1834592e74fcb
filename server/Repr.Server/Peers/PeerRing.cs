using System.Buffers.Binary;
using Repr.Farm;

namespace Repr.Server.Peers;

/// <summary>
/// Which worker of a farm is the home of a blob: by rendezvous hashing of the workers' addresses and the blob's digest, so that all who know the
/// same workers agree, and a worker that comes or goes moves only its own share. Immutable.
/// </summary>
internal sealed class PeerRing
{
    private readonly (string Endpoint, ulong Hash)[] _members;

    /// <summary>A ring of these workers.</summary>
    public PeerRing(IReadOnlyList<string> endpoints)
    {
        Endpoints = endpoints;
        _members = [.. endpoints.Select(static endpoint => (endpoint, StableHash.Of(endpoint)))];
    }

    /// <summary>The workers.</summary>
    public IReadOnlyList<string> Endpoints { get; }

    /// <summary>The home of a blob; null: there are no workers.</summary>
    public string? HomeOf(Digest digest) => HomesOf(digest).Home;

    /// <summary>
    /// The home of a blob, and the worker that would be it without that one: its home before the home joined, and its home when that goes. Null: there is none.
    /// </summary>
    public (string? Home, string? Next) HomesOf(Digest digest)
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        digest.CopyHashTo(hash);
        ulong key = BinaryPrimitives.ReadUInt64LittleEndian(hash);
        (string? Endpoint, ulong Weight) home = default;
        (string? Endpoint, ulong Weight) next = default;
        foreach ((string endpoint, ulong member) in _members)
        {
            ulong weight = StableHash.Weigh(member, key);
            if (home.Endpoint is null || weight > home.Weight)
            {
                (home, next) = ((endpoint, weight), home);
            }
            else if (next.Endpoint is null || weight > next.Weight)
            {
                next = (endpoint, weight);
            }
        }

        return (home.Endpoint, next.Endpoint);
    }
}
