namespace Repr.Farm.Simulation;

/// <summary>A run that broke a promise; its seed replays it.</summary>
public sealed class BrokenPromiseException(string message) : Exception(message);

/// <summary>
/// A farm in virtual time: requesters, workers and the messages between them, around the real pool, fronts and admissions. Workers are killed and
/// started again, frozen, cut off, made slow; the pool goes with its worker. Deterministic: all chance comes from the seed.
/// </summary>
public sealed class Simulation
{
    internal const double PingSeconds = 7;
    internal const double ConnectSeconds = 3;
    private const double ServeSeconds = 0.5;

    private readonly Random _random;
    private readonly List<SimulatedWorker> _workers = [];
    private readonly Dictionary<string, SimulatedWorker> _byName = new(StringComparer.Ordinal);
    private readonly List<SimulatedRequester> _requesters = [];
    private readonly Dictionary<string, double> _used = new(StringComparer.Ordinal);
    private readonly int _total;
    private Pool? _pool;
    private SimulatedWorker? _poolHost;
    private int _epoch;
    private int _ended;
    private int _local;
    private int _retries;
    private int _refusals;
    private int _faults;
    private double _longestWait;
    private int _slots;
    private readonly HashSet<string> _quarantined = new(StringComparer.Ordinal);
    private double _usedByLiars;
    private double _usedByAll;
    private int _compared;

    private Simulation(SimulationOptions options)
    {
        Options = options;
        _random = new Random(options.Seed);
        _pool = new Pool(options.Pool, $"e{++_epoch}"); // it is there before the workers are
        for (int index = 0; index < options.Workers; index++)
        {
            int slots = options.IsUniform ? options.Slots : options.Slots + _random.Next(options.Slots + 1);
            SimulatedWorker worker = new(this, index, slots, options.IsUniform ? 1 : 0.5 + _random.NextDouble()) { IsLiar = index < options.Liars };
            _workers.Add(worker);
            _byName.Add(worker.Name, worker);
            _slots += slots;
        }

        int users = options.Users == 0 ? options.Requesters : options.Users;
        for (int index = 0; index < options.Requesters; index++)
        {
            Account account = new(index < options.Requesters * options.BatchPart ? Priority.Batch : Priority.Interactive, $"u{index % users}", $"p{index}");
            IReadOnlyList<RecordedAction> actions = options.Graph?.Actions ?? NewActions(options.Actions / options.Requesters);
            _total += actions.Count;
            _requesters.Add(new SimulatedRequester(this, account, actions));
        }
    }

    internal SimulationOptions Options { get; }

    internal Clock Clock { get; } = new();

    /// <summary>Runs one.</summary>
    /// <exception cref="BrokenPromiseException">An action was lost, or a worker over-committed.</exception>
    public static SimulationResult Run(SimulationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new Simulation(options).Run();
    }

    internal double Latency() => 0.0002 + (_random.NextDouble() * 0.001);

    // What requesters expect of an action is not what it takes: half as much to half as much again; less wrong for a build that they made before.
    internal double Guess() => Options.Graph is null ? 0.5 + _random.NextDouble() : 0.8 + (0.4 * _random.NextDouble());

    internal void Check(bool holds, string promise)
    {
        if (!holds)
        {
            throw new BrokenPromiseException($"{promise}, {Clock.Now:F3} s after the start. --seed {Options.Seed} replays it.");
        }
    }

    internal SimulatedWorker Find(string name) => _byName[name];

    internal SimulatedWorker? PickFront()
    {
        SimulatedWorker[] up = [.. _workers.Where(static worker => worker.IsReachable)];
        return up.Length == 0 ? null : up[_random.Next(up.Length)];
    }

    internal void LeaveFront(SimulatedWorker worker)
    {
        foreach (SimulatedRequester requester in _requesters.Where(requester => requester.Front == worker))
        {
            worker.Front.Leave(requester);
            requester.LeaveFront();
        }
    }

    /// <summary>A message of a worker to the pool.</summary>
    internal void Tell(SimulatedWorker from, Action<Pool, TimeSpan> message)
    {
        if (!from.IsReachable || _pool is not { } pool)
        {
            return;
        }

        Clock.After(Latency(), () =>
        {
            if (pool == _pool && (_poolHost is null || _poolHost.IsReachable))
            {
                message(pool, Clock.Time);
                Deliver(pool.Serve(Clock.Time));
                _quarantined.UnionWith(pool.TakeNotices().Where(static notice => notice.DiffersFrom.Count > 0).Select(static notice => notice.Worker));
            }
        });
    }

    internal void Deliver(PoolAnswers answers)
    {
        if (answers.IsEmpty)
        {
            return;
        }

        foreach (string name in answers.Fronts)
        {
            SimulatedWorker front = Find(name);
            PoolAnswers own = answers.For(name);
            Clock.After(Latency(), () =>
            {
                if (!front.IsReachable)
                {
                    return;
                }

                IReadOnlyList<FrontAnswer> wanted = front.Front.Take(own, out IReadOnlyList<LeaseEnd> unwanted);
                foreach (LeaseEnd end in unwanted)
                {
                    Tell(front, (pool, now) => pool.End(end, now));
                }

                foreach (FrontAnswer answer in wanted)
                {
                    Clock.After(Latency(), () => ((SimulatedRequester)answer.Requester).Take(answer));
                }
            });
        }
    }

    internal void NoteEnd(bool isLocal)
    {
        _ended++;
        _local += isLocal ? 1 : 0;
    }

    internal void NoteRetry() => _retries++;

    internal void NoteRefusal() => _refusals++;

    internal void NoteWait(Account account, double seconds) => _longestWait = Math.Max(_longestWait, seconds);

    internal void NoteUse(Account account, double seconds) => _used[account.User] = _used.GetValueOrDefault(account.User) + seconds;

    internal void NoteUse(SimulatedWorker worker, double seconds)
    {
        _usedByAll += seconds;
        _usedByLiars += worker.IsLiar ? seconds : 0;
    }

    /// <summary>A home compares a result with those of two other workers, and tells the pool who is odd.</summary>
    internal void Compare(SimulatedWorker worker)
    {
        if (Options.ComparedPart == 0 || _random.NextDouble() >= Options.ComparedPart)
        {
            return;
        }

        SimulatedWorker[] honest = [.. _workers.Where(other => other != worker && !other.IsLiar)];
        _random.Shuffle(honest);
        List<SimulatedWorker> three = [worker, .. honest.Take(2)];
        int odd = worker.IsLiar ? 0 : _random.NextDouble() < Options.FlakyPart ? _random.Next(4) : -1; // of one of two things all three left the same
        if (odd >= 0 && odd < three.Count && PickFront() is { } home)
        {
            home.Report(new WorkerDifference(three[odd].Name, $"action {++_compared}", [.. three.Where((_, index) => index != odd).Select(static other => other.Name)]));
        }
    }

    private SimulationResult Run()
    {
        _poolHost = Options.PoolFails ? PickFront() : null;
        Clock.After(ServeSeconds, Serve);
        foreach (SimulatedRequester requester in _requesters)
        {
            Clock.After(0.01 + (_random.NextDouble() * 0.05), requester.Attach);
        }

        if (Options.SecondsBetweenFaults > 0)
        {
            Clock.After(Options.SecondsBetweenFaults, Fail);
        }

        while (_ended < _total && (Options.StopAt == 0 || Clock.Now < Options.StopAt))
        {
            Check(Clock.Now < Options.Limit, $"{_total - _ended} of {_total} actions have not ended");
            Check(Clock.Step(), "nothing happens any more");
        }

        return new SimulationResult(
            Clock.Now, _slots, _ended, _local, _retries, _refusals, _faults, _epoch - 1, _longestWait, Clock.Happened, _used)
        {
            Quarantined = _quarantined,
            LiarsPart = _usedByAll == 0 ? 0 : _usedByLiars / _usedByAll,
        };
    }

    private void OpenPool()
    {
        _poolHost = Options.PoolFails ? PickFront() : null;
        _pool = new Pool(Options.Pool, $"e{++_epoch}");
    }

    private void Serve()
    {
        if (_pool is { } pool && (_poolHost is null || _poolHost.IsReachable))
        {
            Deliver(pool.Serve(Clock.Time));
        }

        Clock.After(ServeSeconds, Serve);
    }

    private void Fail()
    {
        Clock.After(Options.SecondsBetweenFaults * (0.5 + _random.NextDouble()), Fail);
        SimulatedWorker worker = _workers[_random.Next(_workers.Count)];
        if (!worker.IsReachable || _workers.Count(static one => one.IsReachable) < 2)
        {
            return;
        }

        _faults++;
        double seconds = 2 + (_random.NextDouble() * 28);
        switch (_random.Next(4))
        {
            case 0:
                worker.Kill();
                Clock.After(seconds, worker.Start);
                break;
            case 1:
                worker.Freeze(seconds);
                break;
            case 2:
                worker.CutOff(seconds);
                break;
            default:
                double speed = worker.Speed;
                worker.Speed = speed / 5;
                Clock.After(seconds, () => worker.Speed = speed);
                break;
        }

        if (worker == _poolHost && !worker.IsReachable)
        {
            _pool = null;
            Clock.After(Options.PoolPauseSeconds, OpenPool);
        }
    }

    private RecordedAction[] NewActions(int count) =>
        [.. Enumerable.Range(0, count).Select(index => new RecordedAction($"a{index}", -Math.Log(1 - _random.NextDouble()) * Options.MeanSeconds, []))];
}

/// <summary>How a run went.</summary>
/// <param name="Seconds">Virtual seconds.</param>
/// <param name="Slots">Of all workers.</param>
/// <param name="Actions">That ended.</param>
/// <param name="Local">Of these, without a worker's verdict.</param>
/// <param name="Retries">Actions that were tried again after a failure.</param>
/// <param name="Refusals">Leases that a worker refused.</param>
/// <param name="Faults">Workers that failed.</param>
/// <param name="PoolsLost">Pools that were lost with their worker.</param>
/// <param name="LongestWait">Seconds from an ask to its answer, at most.</param>
/// <param name="Events">Things that happened.</param>
/// <param name="Used">Slot-seconds by user.</param>
public sealed record SimulationResult(
    double Seconds, int Slots, int Actions, int Local, int Retries, int Refusals, int Faults, int PoolsLost, double LongestWait, long Events, IReadOnlyDictionary<string, double> Used)
{
    /// <summary>Workers that were left alone since their results differ.</summary>
    public required IReadOnlySet<string> Quarantined { get; init; }

    /// <summary>Part of all slot-seconds that were of workers whose results differ.</summary>
    public required double LiarsPart { get; init; }
}
