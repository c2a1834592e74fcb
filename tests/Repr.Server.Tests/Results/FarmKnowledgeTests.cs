using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Farm;
using Repr.Server.Peers;
using Repr.Server.Reapi;
using Repr.Server.Results;
using Repr.Server.Results.Shared;

namespace Repr.Server.Tests.Results;

using Repr.Protocol.V1; // here, so that it hides the types of Repr with the same names

/// <summary>Workers of one farm that ask and tell each other; each with its own disk, and a network that can be cut.</summary>
public sealed class FarmKnowledgeTests : IAsyncLifetime
{
    private static readonly string[] s_endpoints = ["http://a:1", "http://b:1", "http://c:1"];

    private readonly string _directory = Directory.CreateTempSubdirectory("repr-knowledge-").FullName;
    private readonly Dictionary<string, Member> _members = new(StringComparer.Ordinal);
    private readonly HashSet<string> _away = new(StringComparer.Ordinal);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        foreach (string endpoint in s_endpoints)
        {
            _members[endpoint] = new Member(this, endpoint, "key"u8);
        }

        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Member member in _members.Values)
        {
            await member.DisposeAsync();
        }

        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task What_one_tells_all_know_and_it_lies_in_one_place()
    {
        foreach (int number in Enumerable.Range(0, 12))
        {
            await TellAsync(s_endpoints[number % 3], Name($"{number}"), Run("a", $"{number}"));
        }

        foreach (int number in Enumerable.Range(0, 12))
        {
            foreach (Member member in _members.Values)
            {
                Assert.Equal($"{number}", (await member.Knowledge.FindAsync(Name($"{number}"), Token))!.Results[0].Outcome.ToStringUtf8());
            }
        }

        int[] files = [.. _members.Values.Select(static member => Directory.GetFiles(member.Directory).Length)];
        Assert.Equal(12, files.Sum());
        Assert.All(files, count => Assert.InRange(count, 1, 10));
    }

    [Fact]
    public async Task A_home_that_is_away_knows_nothing_and_fails_nobody()
    {
        Repr.Digest name = NameWithHome("http://b:1");
        await TellAsync("http://a:1", name, Run("a", "x"));
        Assert.NotNull(await _members["http://c:1"].Knowledge.FindAsync(name, Token));

        _away.Add("http://b:1");
        Assert.Null(await _members["http://a:1"].Knowledge.FindAsync(name, Token));
        _members["http://a:1"].Knowledge.Tell(name, Run("a", "x"));
        _away.Clear();
        Assert.NotNull(await _members["http://a:1"].Knowledge.FindAsync(name, Token));
    }

    [Fact]
    public async Task Nobody_believes_or_answers_who_is_of_another_farm()
    {
        Repr.Digest name = NameWithHome("http://b:1");
        await TellAsync("http://a:1", name, Run("a", "x"));
        await using Member stranger = new(this, "http://stranger:1", "other key"u8);

        Assert.Null(await stranger.Knowledge.FindAsync(name, Token));
        KnowledgeSeal seal = new("other key"u8);
        Repr.Digest secret = new KnowledgeSeal("key"u8).NameOf(name); // even if it is heard
        ReprException refused = await Assert.ThrowsAsync<ReprException>(() =>
            _members["http://b:1"].Knowledge.TakeAsync(secret, seal.Seal(secret, Run("liar", "y").ToByteArray()), Token));
        Assert.Equal(ReprErrorCode.InvalidRequest, refused.Code);
        Assert.Equal("x", (await _members["http://a:1"].Knowledge.FindAsync(name, Token))!.Results.Single().Outcome.ToStringUtf8());
    }

    [Fact]
    public async Task A_worker_without_others_tells_and_believes_nobody()
    {
        await using Member alone = new(this, "http://alone:1", [], isAlone: true);
        Repr.Digest secret = new KnowledgeSeal([]).NameOf(Name("x"));
        await alone.TellAsync(Name("x"), Run("a", "x"));

        Assert.NotNull(await alone.Knowledge.FindAsync(Name("x"), Token));
        Assert.Null(await alone.Knowledge.ReadAsync(secret, Token));
        await Assert.ThrowsAsync<ReprException>(() => alone.Knowledge.TakeAsync(secret, new KnowledgeSeal([]).Seal(secret, Run("liar", "y").ToByteArray()), Token));
    }

    [Fact]
    public async Task Results_that_differ_are_forgotten_everywhere_and_the_odd_one_is_named()
    {
        ConcurrentQueue<Finding> found = new();
        foreach (Member member in _members.Values)
        {
            member.Knowledge.Found += found.Enqueue;
            await member.Index.AddAsync(Name("command"), Name("paths"), Repr.Server.Results.PathSet.Of([], []), Name("strong"), new KnownResult { ToolMs = 1 }, Token);
        }

        await TellAsync("http://a:1", Name("shape"), Run("a", "right"));
        await TellAsync("http://c:1", Name("shape"), Run("c", "wrong"));
        await UntilAsync(static async member => await member.Index.FindResultAsync(Name("strong"), Token) is null);
        Assert.Equal(FindingKind.Disputed, Assert.Single(found).Kind);

        await TellAsync("http://b:1", Name("shape"), Run("b", "right"));
        await UntilAsync(_ => Task.FromResult(found.Count == 2));
        Assert.Equal((FindingKind.OddWorker, "c"), (found.Last().Kind, Assert.Single(found.Last().Workers)));

        // It differs from itself: nobody keeps results of the command.
        await TellAsync("http://c:1", Name("shape"), Run("c", "right"));
        await UntilAsync(static async member => await member.Index.FindCommandAsync(Name("command"), Token) is { NotRepeatableSince: not null });
        Assert.Equal(FindingKind.NotRepeatable, found.Last().Kind);
    }

    // The news of a home go round after it has them.
    private async Task UntilAsync(Func<Member, Task<bool>> holds)
    {
        foreach (Member member in _members.Values)
        {
            while (!await holds(member))
            {
                await Task.Delay(5, Token);
            }
        }
    }

    private static Repr.Digest Name(string text)
    {
        using Fingerprint name = new(text);
        return name.End();
    }

    private static Repr.Digest NameWithHome(string endpoint)
    {
        KnowledgeSeal seal = new("key"u8);
        PeerRing ring = new(s_endpoints);
        return Enumerable.Range(0, 1000).Select(static number => Name($"{number}")).First(name => ring.HomeOf(seal.NameOf(name)) == endpoint);
    }

    private static Knowledge Run(string worker, string left) => new()
    {
        PathSets = { new PathSet() },
        Results =
        {
            new SharedResult
            {
                Command = Fingerprint.ToBytes(Name("command")),
                Strong = Fingerprint.ToBytes(Name("strong")),
                Outcome = ByteString.CopyFromUtf8(left),
                Workers = { worker },
                Result = new KnownResult { WorkerId = worker },
            },
        },
    };

    private Task TellAsync(string endpoint, Repr.Digest name, Knowledge told) => _members[endpoint].TellAsync(name, told);

    private sealed class Member : IAsyncDisposable
    {
        private readonly DiskResultIndex _index;
        private readonly KnowledgeHome _home;
        private readonly PeerContentStore? _peers;

        public Member(FarmKnowledgeTests farm, string endpoint, ReadOnlySpan<byte> key, bool isAlone = false)
        {
            string name = new Uri(endpoint).Host;
            Directory = Path.Combine(farm._directory, name);
            _index = new DiskResultIndex(ResultFiles.Open(Directory + "-results", 1 << 24, TimeProvider.System, NullLogger.Instance));
            _home = new KnowledgeHome(ResultFiles.Open(Directory, 1 << 24, TimeProvider.System, NullLogger.Instance), TimeProvider.System);
            if (!isAlone)
            {
                _peers = new PeerContentStore(other => new PeerConnection(new Wire(farm, other), new object()), NullLogger.Instance);
                _peers.Follow(static () => new FarmView(s_endpoints, 3, 0, 0, 0), endpoint);
            }

            Knowledge = new FarmKnowledge(_home, new KnowledgeSeal(key), _index, _peers, TimeProvider.System, NullLogger<FarmKnowledge>.Instance);
        }

        public string Directory { get; }

        public FarmKnowledge Knowledge { get; }

        public DiskResultIndex Index => _index;

        // Until its home has it.
        public async Task TellAsync(Repr.Digest name, Knowledge told)
        {
            Knowledge.Tell(name, told);
            while (await Knowledge.FindAsync(name, Token) is not { } known || !Has(known, told.Results[0]))
            {
                await Task.Delay(5, Token);
            }

            static bool Has(Knowledge known, SharedResult told) => known.Refused.Count > 0
                || known.Results.Any(kept => kept.Outcome.Equals(told.Outcome) && kept.Workers.Contains(told.Workers[0]));
        }

        public async ValueTask DisposeAsync()
        {
            await Knowledge.DisposeAsync();
            await (_peers?.DisposeAsync() ?? ValueTask.CompletedTask);
            _home.Dispose();
            _index.Dispose();
        }
    }

    // What a call to another worker does, without the network.
    private sealed class Wire(FarmKnowledgeTests farm, string endpoint) : IContentStore, IMessageStore
    {
        public async ValueTask<ReadOnlyMemory<byte>?> FindMessageAsync(Repr.Digest name, CancellationToken cancellationToken) =>
            await Other().Knowledge.ReadAsync(name, cancellationToken) is { } message ? message : default(ReadOnlyMemory<byte>?);

        public async ValueTask PutMessageAsync(Repr.Digest name, ReadOnlyMemory<byte> message, CancellationToken cancellationToken) =>
            await Other().Knowledge.TakeAsync(name, message, cancellationToken);

        public ValueTask<IReadOnlyList<Repr.Digest>> FindMissingAsync(IReadOnlyCollection<Repr.Digest> digests, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<Stream?> OpenAsync(Repr.Digest digest, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask PutAsync(Repr.Digest digest, Stream content, CancellationToken cancellationToken) => throw new NotSupportedException();

        private Member Other() => farm._away.Contains(endpoint)
            ? throw new ReprException(ReprErrorCode.Unavailable, "away")
            : farm._members[endpoint];
    }
}
