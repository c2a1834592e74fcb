using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Cas;
using Repr.Farm;
using Repr.Server.Peers;

namespace Repr.Server.Tests.Peers;

public sealed class PeerContentStoreTests
{
    private static readonly string[] s_endpoints = [.. Enumerable.Range(0, 8).Select(static index => $"http://10.0.0.{index}:7070")];

    private readonly Dictionary<string, MemoryContentStore> _disks = s_endpoints.ToDictionary(static endpoint => endpoint, static _ => new MemoryContentStore(1 << 20));
    private readonly HashSet<string> _away = [];
    private readonly ConcurrentBag<string> _closed = [];
    private FarmView _view = new(s_endpoints, 8, 0, 0, 0);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Homes_are_spread_and_a_worker_that_goes_moves_only_its_own_share()
    {
        PeerRing all = new(s_endpoints);
        PeerRing left = new(s_endpoints[..7]);
        Digest[] digests = [.. Enumerable.Range(0, 8000).Select(static number => Digest.Compute(BitConverter.GetBytes(number)))];

        Assert.All(digests.GroupBy(all.HomeOf), home => Assert.InRange(home.Count(), 850, 1150));
        Assert.All(digests, digest => Assert.True(all.HomeOf(digest) == left.HomeOf(digest) || all.HomeOf(digest) == s_endpoints[7]));
        Assert.All(digests, digest => Assert.Equal(all.HomeOf(digest), new PeerRing([.. s_endpoints.Reverse()]).HomeOf(digest)));
        Assert.All(digests, digest => Assert.Equal(new PeerRing([.. s_endpoints.Where(endpoint => endpoint != all.HomeOf(digest))]).HomeOf(digest), all.HomesOf(digest).Next));
        Assert.Null(new PeerRing([]).HomeOf(digests[0]));
        Assert.Equal((s_endpoints[0], null), new PeerRing([s_endpoints[0]]).HomesOf(digests[0]));
    }

    [Fact]
    public async Task What_one_worker_puts_another_finds_at_its_home_unless_that_is_the_first_itself()
    {
        await using PeerContentStore first = NewStore(s_endpoints[0]);
        await using PeerContentStore second = NewStore(s_endpoints[1]);
        (Digest Digest, byte[] Content)[] blobs = [.. Enumerable.Range(0, 100).Select(static number => BitConverter.GetBytes(number)).Select(static content => (Digest.Compute(content), content))];
        foreach ((Digest digest, byte[] content) in blobs)
        {
            await first.PutAsync(digest, new MemoryStream(content), Cancellation);
        }

        PeerRing ring = new(s_endpoints);
        Digest[] missing = [.. await second.FindMissingAsync([.. blobs.Select(static blob => blob.Digest)], Cancellation)];

        // Those that the first keeps, and those whose home the second is: it asks its own disk before.
        Assert.Equal(
            blobs.Select(static blob => blob.Digest).Where(digest => ring.HomeOf(digest) is { } home && (home == s_endpoints[0] || home == s_endpoints[1])).ToHashSet(),
            missing.ToHashSet());
        foreach ((Digest digest, byte[] content) in blobs.Where(blob => !missing.Contains(blob.Digest)))
        {
            await using Stream? stream = await second.OpenAsync(digest, Cancellation);
            using MemoryStream read = new();
            await stream!.CopyToAsync(read, Cancellation);
            Assert.Equal(content, read.ToArray());
        }

        Assert.Null(await second.OpenAsync(missing[0], Cancellation));
    }

    [Fact]
    public async Task What_was_there_before_a_worker_joined_is_found_although_its_home_is_the_new_one()
    {
        _view = _view with { Endpoints = s_endpoints[..7] };
        await using PeerContentStore first = NewStore(s_endpoints[0]);
        await using PeerContentStore second = NewStore(s_endpoints[1]);
        PeerRing before = new(s_endpoints[..7]);
        int[] numbers = [.. Enumerable.Range(0, 200).Where(number => before.HomeOf(Digest.Compute(BitConverter.GetBytes(number))) is { } home && home != s_endpoints[0] && home != s_endpoints[1])];
        Digest[] digests = [.. numbers.Select(static number => Digest.Compute(BitConverter.GetBytes(number)))];
        foreach (int number in numbers)
        {
            await first.PutAsync(Digest.Compute(BitConverter.GetBytes(number)), new MemoryStream(BitConverter.GetBytes(number)), Cancellation);
        }

        _view = _view with { Endpoints = s_endpoints };

        Assert.Contains(digests, digest => new PeerRing(s_endpoints).HomeOf(digest) == s_endpoints[7]);
        Assert.Empty(await second.FindMissingAsync(digests, Cancellation));
        foreach (Digest digest in digests)
        {
            await using Stream? stream = await second.OpenAsync(digest, Cancellation);
            Assert.NotNull(stream);
        }

        // What was used has come to its home since, so that the next one who joins changes nothing either.
        PeerRing ring = new(s_endpoints);
        foreach (Digest digest in digests)
        {
            while ((await _disks[ring.HomeOf(digest)!].FindMissingAsync([digest], Cancellation)).Count > 0)
            {
                await Task.Delay(10, Cancellation);
                await using Stream? again = await second.OpenAsync(digest, Cancellation);
            }
        }
    }

    [Fact]
    public async Task A_worker_that_does_not_answer_has_nothing_and_fails_nobody()
    {
        await using PeerContentStore store = NewStore(s_endpoints[0]);
        PeerRing ring = new(s_endpoints);
        Digest[] digests = [.. Enumerable.Range(0, 200).Select(static number => Digest.Compute(BitConverter.GetBytes(number)))];
        for (int number = 0; number < digests.Length; number++)
        {
            await store.PutAsync(digests[number], new MemoryStream(BitConverter.GetBytes(number)), Cancellation);
        }

        _away.Add(s_endpoints[3]);
        Digest[] lost = [.. digests.Where(digest => ring.HomeOf(digest) == s_endpoints[3])];

        Assert.Equal(
            lost.Concat(digests.Where(digest => ring.HomeOf(digest) == s_endpoints[0])).ToHashSet(),
            (await store.FindMissingAsync(digests, Cancellation)).ToHashSet());
        Assert.Null(await store.OpenAsync(lost[0], Cancellation));
        await store.PutAsync(lost[0], new MemoryStream([]), Cancellation);

        // The farm notices: its share has other homes now, and the connection is closed.
        _view = _view with { Endpoints = [.. s_endpoints.Where(endpoint => endpoint != s_endpoints[3])] };
        PeerRing without = new(_view.Endpoints);
        (Digest digest, int value) = Enumerable.Range(0, 200).Select(number => (digests[number], number))
            .First(blob => lost.Contains(blob.Item1) && without.HomeOf(blob.Item1) != s_endpoints[0]);
        await store.PutAsync(digest, new MemoryStream(BitConverter.GetBytes(value)), Cancellation);
        Assert.Empty(await store.FindMissingAsync([digest], Cancellation));
        while (!_closed.Contains(s_endpoints[3]))
        {
            await Task.Delay(10, Cancellation);
        }

        Assert.Single(_closed);
    }

    [Fact]
    public async Task A_worker_that_cannot_be_called_has_nothing_and_is_tried_again()
    {
        bool isWrong = true;
        await using PeerContentStore store = new(
            endpoint => isWrong ? throw new ArgumentException("CertificateAuthority: is missing.") : new PeerConnection(_disks[endpoint], new object()),
            NullLogger.Instance);
        store.Follow(() => _view, "http://10.0.0.99:7070");
        await store.PutAsync(Digest.Compute([1]), new MemoryStream([1]), Cancellation);
        Assert.Equal([Digest.Compute([1])], await store.FindMissingAsync([Digest.Compute([1])], Cancellation));

        isWrong = false;
        await store.PutAsync(Digest.Compute([1]), new MemoryStream([1]), Cancellation);
        Assert.Empty(await store.FindMissingAsync([Digest.Compute([1])], Cancellation));
    }

    [Fact]
    public async Task Before_it_follows_a_farm_it_is_empty()
    {
        await using PeerContentStore store = new(_ => throw new InvalidOperationException("There is nobody."), NullLogger.Instance);

        Assert.Equal([Digest.Compute([1])], await store.FindMissingAsync([Digest.Compute([1])], Cancellation));
        Assert.Null(await store.OpenAsync(Digest.Compute([1]), Cancellation));
        await store.PutAsync(Digest.Compute([1]), new MemoryStream([1]), Cancellation);
    }

    private PeerContentStore NewStore(string self)
    {
        PeerContentStore store = new(endpoint => new PeerConnection(new AwayStore(this, endpoint), new Connection(() => _closed.Add(endpoint))), NullLogger.Instance);
        store.Follow(() => _view, self);
        return store;
    }

    private sealed class Connection(Action closed) : IDisposable
    {
        public void Dispose() => closed();
    }

    // A worker's disk, unless it is away.
    private sealed class AwayStore(PeerContentStoreTests farm, string endpoint) : IContentStore
    {
        public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken) =>
            Disk().FindMissingAsync(digests, cancellationToken);

        public ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken) => Disk().OpenAsync(digest, cancellationToken);

        public ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken) => Disk().PutAsync(digest, content, cancellationToken);

        private MemoryContentStore Disk() =>
            farm._away.Contains(endpoint) ? throw new ReprException(ReprErrorCode.Unavailable, $"{endpoint} is away.") : farm._disks[endpoint];
    }
}
