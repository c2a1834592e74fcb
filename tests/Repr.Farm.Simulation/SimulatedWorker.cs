namespace Repr.Farm.Simulation;

/// <summary>An action under way on a worker.</summary>
internal sealed class Execution(SimulatedRequester requester, int action, SlotLease lease, double work)
{
    public SimulatedRequester Requester => requester;

    public int Action => action;

    public SlotLease Lease => lease;

    /// <summary>Seconds on a worker of speed 1.</summary>
    public double Work => work;

    /// <summary>The session with its requester has ended: nobody waits for it.</summary>
    public bool IsLost { get; set; }
}

/// <summary>A worker: the real front and admission, and tools that sleep.</summary>
internal sealed class SimulatedWorker
{
    private const double ResendSeconds = 0.2;

    private readonly Simulation _simulation;
    private readonly Queue<Execution> _queue = new();
    private readonly HashSet<Execution> _here = [];
    private readonly HashSet<Execution> _unanswered = [];
    private readonly List<(double At, WorkerDifference Difference)> _reports = [];
    private int _incarnation;

    public SimulatedWorker(Simulation simulation, int index, int slots, double speed)
    {
        _simulation = simulation;
        Name = $"w{index}";
        Slots = slots;
        Speed = speed;
        Start();
    }

    public string Name { get; }

    public int Slots { get; }

    public double Speed { get; set; }

    /// <summary>What it leaves is not what others leave.</summary>
    public bool IsLiar { get; init; }

    public bool IsUp { get; private set; }

    public bool IsCutOff { get; private set; }

    public double FrozenUntil { get; private set; }

    /// <summary>Others can talk to it now.</summary>
    public bool IsReachable => IsUp && !IsCutOff && FrozenUntil <= _simulation.Clock.Now;

    public Front Front { get; private set; } = null!;

    public Admission Admission { get; private set; } = null!;

    public int Running { get; private set; }

    public void Start()
    {
        IsUp = true;
        Front = new Front(Name);
        Admission = new Admission(Name, $"{++_incarnation}", Slots, _simulation.Options.Pool);
        Running = 0;
        Beat(_incarnation);
    }

    /// <summary>Takes an action; false: it is refused.</summary>
    public bool TryExecute(Execution execution)
    {
        if (Admission.TryEnter(execution.Lease) is not null)
        {
            return false;
        }

        _here.Add(execution);
        _unanswered.Add(execution);
        _queue.Enqueue(execution);
        Run();
        return true;
    }

    public void Kill()
    {
        IsUp = false;
        Execution[] lost = [.. _unanswered];
        _here.Clear();
        _unanswered.Clear();
        _queue.Clear();
        foreach (Execution execution in lost)
        {
            execution.IsLost = true;
            _simulation.Clock.After(_simulation.Latency(), () => execution.Requester.Lose(execution)); // the connection is reset
        }

        _simulation.Clock.After(_simulation.Latency(), () => _simulation.LeaveFront(this));
    }

    public void Freeze(double seconds)
    {
        FrozenUntil = _simulation.Clock.Now + seconds;
        NoticeSilence();
    }

    public void CutOff(double seconds)
    {
        IsCutOff = true;
        NoticeSilence();
        _simulation.Clock.After(seconds, () => IsCutOff = false);
    }

    // Pings that nobody answers end sessions, on both sides.
    private void NoticeSilence()
    {
        int incarnation = _incarnation;
        _simulation.Clock.After(Simulation.PingSeconds, () =>
        {
            if (!IsUp || incarnation != _incarnation || IsReachable)
            {
                return;
            }

            foreach (Execution execution in _unanswered.ToArray())
            {
                _unanswered.Remove(execution);
                execution.IsLost = true;
                execution.Requester.Lose(execution);
            }

            _simulation.LeaveFront(this);
            _simulation.Clock.After(Math.Max(Simulation.PingSeconds, FrozenUntil - _simulation.Clock.Now), () =>
            {
                foreach (Execution execution in _here.Where(static one => one.IsLost).ToArray())
                {
                    Finish(execution, LeaseOutcome.Failed, -1);
                }
            });
        });
    }

    /// <summary>As a home it has found out that a worker differs.</summary>
    public void Report(WorkerDifference difference) => _reports.Add((_simulation.Clock.Now, difference));

    private void Beat(int incarnation)
    {
        if (!IsUp || incarnation != _incarnation)
        {
            return;
        }

        if (FrozenUntil > _simulation.Clock.Now)
        {
            _simulation.Clock.After(FrozenUntil - _simulation.Clock.Now, () => Beat(incarnation));
            return;
        }

        _reports.RemoveAll(report => _simulation.Clock.Now - report.At > 60);
        NodeBeat beat = Front.Fill(Admission.Fill(new NodeBeat
        {
            Node = Name,
            Incarnation = "",
            Endpoint = $"http://{Name}:7070",
            Slots = Slots,
            Platform = "linux-x64",
            Differences = [.. _reports.Select(static report => report.Difference)],
        }));
        _simulation.Tell(this, (pool, now) => pool.Beat(beat, now));
        _simulation.Clock.After(1, () => Beat(incarnation));
    }

    private void Run()
    {
        while (Running < Slots && _queue.TryDequeue(out Execution? next))
        {
            if (next.IsLost)
            {
                continue;
            }

            Running++;
            _simulation.Check(Running <= Slots && _here.Count <= Admission.Places, $"{Name} is over-committed");
            double seconds = next.Work / Speed;
            _simulation.Clock.After(seconds, () => End(next, seconds));
        }
    }

    private void End(Execution execution, double seconds)
    {
        if (!_here.Contains(execution))
        {
            return; // the process is gone, or the session
        }

        if (FrozenUntil > _simulation.Clock.Now)
        {
            _simulation.Clock.After(FrozenUntil - _simulation.Clock.Now, () => End(execution, seconds));
            return;
        }

        Running--;
        Finish(execution, LeaseOutcome.Done, seconds);
        _simulation.NoteUse(execution.Lease.Ask.Account, seconds);
        _simulation.NoteUse(this, seconds);
        _simulation.Compare(this);
        Answer(execution, seconds);
        Run();
    }

    // What is sent while nothing arrives arrives later, unless the session ends before.
    private void Answer(Execution execution, double seconds)
    {
        if (!IsUp || execution.IsLost)
        {
            return;
        }

        bool isReachable = IsReachable;
        _simulation.Clock.After(isReachable ? _simulation.Latency() : ResendSeconds, () =>
        {
            if (isReachable)
            {
                _unanswered.Remove(execution);
                execution.Requester.Complete(execution, seconds);
            }
            else
            {
                Answer(execution, seconds);
            }
        });
    }

    private void Finish(Execution execution, LeaseOutcome outcome, double seconds)
    {
        if (_here.Remove(execution))
        {
            if (outcome == LeaseOutcome.Failed && !_queue.Contains(execution))
            {
                Running--;
            }

            Admission.Leave(execution.Lease.Id);
            LeaseEnd end = new(execution.Lease.Id, outcome == LeaseOutcome.Failed ? LeaseOutcome.Unused : outcome, seconds);
            _simulation.Tell(this, (pool, now) => pool.End(end, now));
            if (outcome == LeaseOutcome.Failed)
            {
                Run();
            }
        }
    }
}
