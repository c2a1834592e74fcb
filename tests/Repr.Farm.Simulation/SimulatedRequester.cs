namespace Repr.Farm.Simulation;

/// <summary>A requester: asks for slots when actions can run, prepares, executes, and tries again elsewhere; in the end locally.</summary>
internal sealed class SimulatedRequester
{
    private const int Attempts = 3;
    private const double PrepareSeconds = 0.05;
    private const double PrepareNewSeconds = 0.2;

    private readonly Simulation _simulation;
    private readonly Account _account;
    private readonly IReadOnlyList<RecordedAction> _actions;
    private readonly double[] _tails;
    private readonly int[] _missing;
    private readonly List<int>[] _dependents;
    private readonly int[] _attempts;
    private readonly List<string>[] _avoid;
    private readonly bool[] _hasEnded;
    private readonly Queue<int> _ready = new();
    private readonly Dictionary<long, (int Action, double At)> _asked = [];
    private readonly Dictionary<string, SlotLease> _leases = new(StringComparer.Ordinal);
    private readonly HashSet<(string Worker, int Project)> _uploaded = [];
    private int _underWay;

    public SimulatedRequester(Simulation simulation, Account account, IReadOnlyList<RecordedAction> actions)
    {
        _simulation = simulation;
        _account = account;
        _actions = actions;
        _tails = new BuildGraph(actions).LongestTails();
        _missing = [.. actions.Select(static action => action.Needs.Count)];
        _dependents = [.. actions.Select(static _ => new List<int>())];
        _attempts = new int[actions.Count];
        _avoid = [.. actions.Select(static _ => new List<string>())];
        _hasEnded = new bool[actions.Count];
        for (int index = 0; index < actions.Count; index++)
        {
            foreach (int need in actions[index].Needs)
            {
                _dependents[need].Add(index);
            }

            if (_missing[index] == 0)
            {
                _ready.Enqueue(index);
            }
        }
    }

    public SimulatedWorker? Front { get; private set; }

    /// <summary>Goes to a front, with what it wants and has.</summary>
    public void Attach()
    {
        Front = _simulation.PickFront();
        if (Front is null)
        {
            _simulation.Clock.After(0.5, Attach);
            return;
        }

        foreach (SlotLease lease in _leases.Values)
        {
            Front.Front.Hold(this, lease);
        }

        int[] again = [.. _asked.Values.Select(static asked => asked.Action)];
        _underWay -= again.Length;
        _asked.Clear();
        foreach (int action in again)
        {
            _ready.Enqueue(action);
        }

        Ask();
    }

    /// <summary>The stream with its front has ended.</summary>
    public void LeaveFront()
    {
        Front = null;
        _simulation.Clock.After(0.2, Attach);
    }

    /// <summary>The pool has answered.</summary>
    public void Take(FrontAnswer answer)
    {
        if (!_asked.Remove(answer.Number, out (int Action, double At) asked))
        {
            if (answer.Lease is { } unwanted)
            {
                Tell(new LeaseEnd(unwanted.Id, LeaseOutcome.Unused));
            }

            return;
        }

        _simulation.NoteWait(_account, _simulation.Clock.Now - asked.At);
        if (answer.Lease is not { } lease)
        {
            RunLocally(asked.Action);
            return;
        }

        _leases.Add(lease.Id, lease);
        int project = asked.Action / 50;
        _simulation.Clock.After(_uploaded.Add((lease.Worker, project)) ? PrepareNewSeconds : PrepareSeconds, () => Execute(asked.Action, lease));
    }

    /// <summary>The worker has the tool's verdict.</summary>
    public void Complete(Execution execution, double seconds)
    {
        if (_leases.ContainsKey(execution.Lease.Id))
        {
            EndLease(execution.Lease, LeaseOutcome.Done, seconds);
            Finish(execution.Action, isLocal: false);
        }
    }

    /// <summary>The session with the worker has ended.</summary>
    public void Lose(Execution execution)
    {
        if (_leases.ContainsKey(execution.Lease.Id))
        {
            Fail(execution.Action, execution.Lease);
        }
    }

    private void Ask()
    {
        List<SlotAsk> asks = [];
        while (Front is not null && _underWay < _simulation.Options.Parallel && _ready.TryDequeue(out int action))
        {
            _underWay++;
            SlotAsk ask = Front.Front.Ask(this, new SlotAsk
            {
                Front = "",
                Number = 0,
                Account = _account,
                ToolKey = 1,
                ExpectedSeconds = _actions[action].Seconds * _simulation.Guess(),
                SecondsAfter = _tails[action] * _simulation.Guess(),
                ContentKey = StableHash.Of(_account.User + _account.Project) + (ulong)(action / 50),
                Avoid = [.. _avoid[action].Order(StringComparer.Ordinal)],
            });
            _asked.Add(ask.Number, (action, _simulation.Clock.Now));
            asks.Add(ask);
        }

        if (asks.Count == 0)
        {
            return;
        }

        SimulatedWorker front = Front!;
        _simulation.Clock.After(_simulation.Latency(), () => _simulation.Tell(front, (pool, now) =>
        {
            foreach (SlotAsk ask in asks)
            {
                if (pool.Ask(ask, now).IsRefused)
                {
                    _simulation.Deliver(new PoolAnswers([], [ask]));
                }
            }
        }));
    }

    private void Execute(int action, SlotLease lease)
    {
        SimulatedWorker worker = _simulation.Find(lease.Worker);
        if (!worker.IsReachable)
        {
            _simulation.Clock.After(worker.IsUp ? Simulation.ConnectSeconds : _simulation.Latency(), () => Fail(action, lease));
            return;
        }

        _simulation.Clock.After(_simulation.Latency(), () =>
        {
            Execution execution = new(this, action, lease, _actions[action].Seconds);
            if (!worker.IsReachable)
            {
                Fail(action, lease);
            }
            else if (!worker.TryExecute(execution))
            {
                _simulation.NoteRefusal();
                EndLease(lease, LeaseOutcome.Unused, -1);
                Again(action);
            }
        });
    }

    private void Fail(int action, SlotLease lease)
    {
        if (!_leases.ContainsKey(lease.Id))
        {
            return;
        }

        EndLease(lease, LeaseOutcome.Failed, -1);
        _avoid[action].Add(lease.Endpoint);
        if (++_attempts[action] >= Attempts)
        {
            RunLocally(action);
        }
        else
        {
            _simulation.NoteRetry();
            _simulation.Clock.After(0.2, () => Again(action));
        }
    }

    private void Again(int action)
    {
        _underWay--;
        _ready.Enqueue(action);
        Ask();
    }

    private void RunLocally(int action) => _simulation.Clock.After(_actions[action].Seconds, () => Finish(action, isLocal: true));

    private void Finish(int action, bool isLocal)
    {
        _simulation.Check(!_hasEnded[action], $"{_account.User}: action {action} has ended twice");
        _hasEnded[action] = true;
        _underWay--;
        _simulation.NoteEnd(isLocal);
        foreach (int dependent in _dependents[action])
        {
            if (--_missing[dependent] == 0)
            {
                _ready.Enqueue(dependent);
            }
        }

        Ask();
    }

    private void EndLease(SlotLease lease, LeaseOutcome outcome, double seconds)
    {
        _leases.Remove(lease.Id);
        Front?.Front.End(this, lease.Id);
        Tell(new LeaseEnd(lease.Id, outcome, seconds));
    }

    private void Tell(LeaseEnd end)
    {
        if (Front is { } front)
        {
            _simulation.Clock.After(_simulation.Latency(), () => _simulation.Tell(front, (pool, now) => pool.End(end, now)));
        }
    }
}
