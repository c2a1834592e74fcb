using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Repr.Protocol.V1;
using Repr.Server.Peers;
using CoreDigest = Repr.Digest;

namespace Repr.Server.Results.Shared;

/// <summary>
/// What the workers of a farm know together. Each name has a home among them; there it is asked for, and told. A home that does not answer knows
/// nothing, and news that get lost are learned again: nothing here fails an action. A worker without a farm is the home of everything. Safe for
/// concurrent use.
/// </summary>
internal sealed partial class FarmKnowledge : IAsyncDisposable
{
    private const int MaximumNews = 256;

    // As with content: a worker that is silent is soon none of the farm any more; nobody waits for it meanwhile.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    private readonly KnowledgeHome _home;
    private readonly KnowledgeSeal _seal;
    private readonly IResultIndex _index;
    private readonly PeerContentStore? _peers;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _disposing = new();
    private readonly Channel<(CoreDigest Name, Knowledge Told)> _news = Channel.CreateBounded<(CoreDigest, Knowledge)>(
        new BoundedChannelOptions(MaximumNews) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private readonly Task _telling;
    private long _isStrangeToldAt;

    /// <summary>Makes it.</summary>
    /// <param name="home">What this worker keeps.</param>
    /// <param name="seal">The farm's.</param>
    /// <param name="index">This worker's own results.</param>
    /// <param name="peers">The farm's other workers; null: there are none, or they share no results.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Is told what is found out, and of messages from strangers.</param>
    public FarmKnowledge(
        KnowledgeHome home, KnowledgeSeal seal, IResultIndex index, PeerContentStore? peers, TimeProvider time, ILogger<FarmKnowledge> logger)
    {
        _home = home;
        _seal = seal;
        _index = index;
        _peers = peers;
        _time = time;
        _logger = logger;
        _telling = Task.Run(TellAsync);
    }

    /// <summary>Raised when this worker, as a home, has found something out.</summary>
    public event Action<Finding>? Found;

    /// <summary>Whether results are shared: there are other workers, perhaps none right now.</summary>
    public bool HasPeers => _peers is not null;

    /// <summary>Asks the home. Never fails but by cancelling.</summary>
    /// <returns>Null: nothing is known, or the home does not answer.</returns>
    public async Task<Knowledge?> FindAsync(CoreDigest fingerprint, CancellationToken cancellationToken)
    {
        CoreDigest name = _seal.NameOf(fingerprint);
        if (_peers?.FindMessages(name) is not { } home)
        {
            return await _home.FindAsync(name, cancellationToken);
        }

        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(s_patience);
        try
        {
            return await home.FindMessageAsync(name, late.Token) is { } message ? Open(name, message) : null;
        }
        catch (Exception exception) when (exception is ReprException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null; // its guard has told it
        }
    }

    /// <summary>Tells the home, soon and perhaps: of more news than can be sent the oldest are dropped.</summary>
    public void Tell(CoreDigest fingerprint, Knowledge told) => _news.Writer.TryWrite((_seal.NameOf(fingerprint), told));

    /// <summary>What this worker keeps under a name, sealed; null: nothing.</summary>
    public async Task<byte[]?> ReadAsync(CoreDigest name, CancellationToken cancellationToken) =>
        HasPeers && await _home.FindAsync(name, cancellationToken) is { } known ? _seal.Seal(name, known.ToByteArray()) : null;

    /// <summary>Takes what another worker tells.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidRequest"/>: it is from none of the farm. <see cref="ReprErrorCode.Exhausted"/>: it cannot be kept.
    /// </exception>
    public async Task TakeAsync(CoreDigest name, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        Knowledge told = (HasPeers ? Open(name, message) : null)
            ?? throw new ReprException(ReprErrorCode.InvalidRequest, "What workers know together is told by workers of the same farm only: same name, same password of its store.");
        if (told.FromHome)
        {
            await HeedAsync(name, told, cancellationToken);
        }
        else
        {
            await AddAsync(name, told, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _news.Writer.TryComplete();
        await _disposing.CancelAsync();
        await _telling;
        _disposing.Dispose();
    }

    private Knowledge? Open(CoreDigest name, ReadOnlyMemory<byte> message)
    {
        try
        {
            if (_seal.TryOpen(name, message) is { } opened)
            {
                return Knowledge.Parser.ParseFrom(opened.Span);
            }
        }
        catch (InvalidProtocolBufferException)
        {
            return null; // of another version
        }

        if (Interlocked.Exchange(ref _isStrangeToldAt, 1) == 0)
        {
            Log.Strange(_logger);
        }

        return null;
    }

    private async Task TellAsync()
    {
        try
        {
            await foreach ((CoreDigest name, Knowledge told) in _news.Reader.ReadAllAsync(_disposing.Token))
            {
                try
                {
                    if (_peers?.FindMessages(name) is { } home)
                    {
                        await home.PutMessageAsync(name, _seal.Seal(name, told.ToByteArray()), _disposing.Token);
                    }
                    else
                    {
                        await AddAsync(name, told, _disposing.Token);
                    }
                }
                catch (ReprException failure)
                {
                    Log.NotTold(_logger, failure.Message);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It stops.
        }
    }

    private async Task AddAsync(CoreDigest name, Knowledge told, CancellationToken cancellationToken)
    {
        foreach (Finding finding in await _home.AddAsync(name, told, cancellationToken))
        {
            Say(finding);
            Found?.Invoke(finding);
            Knowledge news = new() { FromHome = true };
            if (finding.Kind == FindingKind.NotRepeatable)
            {
                news.Refused.Add(new RefusedCommand { Command = finding.Command, SinceUnixMs = _time.GetUtcNow().ToUnixTimeMilliseconds() });
            }
            else
            {
                news.Disputed.Add(finding.Strong);
            }

            await HeedAsync(name, news, cancellationToken);
            byte[] message = _seal.Seal(name, news.ToByteArray());
            foreach (Repr.IMessageStore other in _peers?.FindOthers() ?? [])
            {
                try
                {
                    await other.PutMessageAsync(name, message, cancellationToken);
                }
                catch (ReprException)
                {
                    // Its guard has told it. What it has is compared again when it runs the command.
                }
            }
        }
    }

    // The home has the last word, also about what this worker has seen itself.
    private async Task HeedAsync(CoreDigest name, Knowledge news, CancellationToken cancellationToken)
    {
        foreach (RefusedCommand refused in news.Refused)
        {
            await _index.RefuseAsync(Fingerprint.FromBytes(refused.Command), _time.GetUtcNow(), cancellationToken);
        }

        foreach (ByteString strong in news.Disputed)
        {
            await _index.ForgetAsync(Fingerprint.FromBytes(strong), cancellationToken);
        }

        if (news.Refused.Count > 0)
        {
            await _home.AddAsync(name, new Knowledge { Refused = { news.Refused } }, cancellationToken); // it may be the home soon
        }
    }

    private void Say(Finding finding)
    {
        string workers = string.Join(" and ", finding.Workers.Distinct(StringComparer.Ordinal));
        string differences = finding.Differences.Count == 0 ? "what it said" : string.Join(", ", finding.Differences);
        switch (finding.Kind)
        {
            case FindingKind.OddWorker:
                Log.Odd(_logger, workers, string.Join(" and ", finding.Others), differences);
                break;
            case FindingKind.Disputed:
                Log.Disputed(_logger, workers, differences);
                break;
            default:
                Log.NotRepeatable(_logger, workers, differences);
                break;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "REPR1206: Worker {Odd} left something else than {Others}, who agree, for the same command and files: {Differences}. Its result is dropped")]
        public static partial void Odd(ILogger logger, string odd, string others, string differences);

        [LoggerMessage(LogLevel.Warning, "REPR1206: The workers {Workers} left different things for the same command and files: {Differences}. Neither result is given until a third worker decides")]
        public static partial void Disputed(ILogger logger, string workers, string differences);

        [LoggerMessage(LogLevel.Warning, "A command on {Workers} is not repeatable and not kept any more: {Differences}")]
        public static partial void NotRepeatable(ILogger logger, string workers, string differences);

        [LoggerMessage(LogLevel.Warning, "Somebody tells or answers at the address of a worker what is not sealed by this farm; it is ignored. All workers of a farm need the same name and password of its store")]
        public static partial void Strange(ILogger logger);

        [LoggerMessage(LogLevel.Debug, "What was learned was not told: {Reason}")]
        public static partial void NotTold(ILogger logger, string reason);
    }
}
