using System.Collections.Concurrent;
using Repr.Requester.Actions;
using Repr.Requester.Farm;
using Repr.Requester.Sessions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Placement;

/// <summary>
/// Decides for one action after the other where it runs (<see cref="CostModel"/>), by what was learned: of its like (<see cref="WorkHistory"/>), of the way to the
/// workers (<see cref="LineQuality"/>), of queues and known results. What is not known goes to a worker. Safe for concurrent use.
/// </summary>
/// <param name="history">How long actions take.</param>
/// <param name="machine">What this machine has room for.</param>
/// <param name="time">The clock.</param>
internal sealed class Placer(WorkHistory history, LocalMachine machine, TimeProvider time)
{
    private const int RoundTripsOfAll = 2; // execute, fetch what it left
    private const int RoundTripsOfContent = 2; // ask what is missing, send it
    private const int RoundTripsOfLease = 1;
    private const int DecisionsRemembered = 20_000;
    private const double Gain = 0.25;
    private const double LeastPatienceMs = 500;

    private static readonly TimeSpan s_queueCounts = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<Uri, Way> _ways = new();
    private readonly ConcurrentDictionary<string, bool> _last = new(StringComparer.Ordinal);
    private double _knownShare;

    /// <summary>Whether there is a choice for an action at all.</summary>
    public static bool HasChoice(ActionRequest request) => request.Placement == Wire.Placement.Auto;

    /// <summary>Decides. If it is to stay here, its place is taken.</summary>
    /// <param name="request">The action.</param>
    /// <param name="missingBytes">Content that would have to be sent; 0 while that is not known: then the remote run is at least as dear as predicted.</param>
    /// <returns>Null: there is no choice, or too little is known; it goes to a worker.</returns>
    public PlacementDecision? Decide(ActionRequest request, long missingBytes)
    {
        if (!HasChoice(request)
            || history.Find(request) is not { } expected
            || !_ways.TryGetValue(request.Endpoint, out Way? way)
            || way.Line.RoundTripMs is not { } roundTrip)
        {
            return null;
        }

        bool looksForKnown = request.Caching is ResultCaching.Read or ResultCaching.ReadWrite;
        RemoteCost remote = new()
        {
            QueueMs = time.GetElapsedTime(way.QueuedAt) < s_queueCounts ? way.QueueMs : 0,
            RoundTripMs = roundTrip,
            RoundTrips = RoundTripsOfAll + (missingBytes > 0 ? RoundTripsOfContent : 0) + (FarmEndpoint.Is(request.Endpoint) ? RoundTripsOfLease : 0),
            MissingBytes = missingBytes,
            BytesPerMs = way.Line.BytesPerMs,
            SetupMs = expected.SetupMs,
            ToolMs = expected.ToolMs,
            KnownShare = looksForKnown ? Volatile.Read(ref _knownShare) : 0,
        };
        (LocalCost local, bool hasRoom) = machine.Look(expected.ToolMs);
        PlacementDecision decision = CostModel.Decide(remote, local, _last.GetValueOrDefault(request.LastingName), hasRoom);
        Remember(request.LastingName, decision.IsLocal);
        if (decision.IsLocal)
        {
            machine.Keep(TimeSpan.FromMilliseconds(local.TotalMs));
        }

        return decision;
    }

    /// <summary>For how long an action waits for a worker before it is better off here; null: as long as it takes.</summary>
    public TimeSpan? FindPatience(ActionRequest request) => HasChoice(request) && history.Find(request) is { } expected
        ? TimeSpan.FromMilliseconds(Math.Max(expected.ToolMs, LeastPatienceMs))
        : null;

    /// <summary>Takes a place here for an action that has waited for long.</summary>
    /// <returns>False: there is no room.</returns>
    public bool TryKeep(ActionRequest request)
    {
        double toolMs = history.Find(request)?.ToolMs ?? 0;
        (LocalCost cost, bool hasRoom) = machine.Look(toolMs);
        if (hasRoom)
        {
            machine.Keep(TimeSpan.FromMilliseconds(cost.TotalMs));
        }

        return hasRoom;
    }

    /// <summary>Notes who an endpoint led to.</summary>
    public void NoteWay(Uri endpoint, WorkerSession session) => _ways.AddOrUpdate(
        endpoint, _ => new Way { Line = session.Line }, (_, way) => way with { Line = session.Line });

    /// <summary>Notes how an action ended there.</summary>
    /// <param name="request">The action.</param>
    /// <param name="queueMs">For how long it waited for its slot.</param>
    /// <param name="isKnown">Its result was known.</param>
    public void NoteEnd(ActionRequest request, double queueMs, bool isKnown)
    {
        if (!HasChoice(request))
        {
            return;
        }

        if (_ways.TryGetValue(request.Endpoint, out Way? way))
        {
            // Of who waited last: an average would still tell of a queue that is gone.
            _ways.TryUpdate(request.Endpoint, way with { QueueMs = queueMs, QueuedAt = time.GetTimestamp() }, way);
        }

        if (request.Caching is ResultCaching.Read or ResultCaching.ReadWrite)
        {
            double share = Volatile.Read(ref _knownShare);
            Volatile.Write(ref _knownShare, share + (Gain * ((isKnown ? 1 : 0) - share)));
        }
    }

    private void Remember(string key, bool isLocal)
    {
        if (_last.Count >= DecisionsRemembered)
        {
            _last.Clear();
        }

        _last[key] = isLocal;
    }

    private sealed record Way
    {
        public required LineQuality Line { get; init; }

        public double QueueMs { get; init; }

        public long QueuedAt { get; init; }
    }
}
