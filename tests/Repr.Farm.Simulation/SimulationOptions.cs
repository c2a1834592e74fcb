namespace Repr.Farm.Simulation;

/// <summary>What is simulated. The same options give the same run.</summary>
public sealed record SimulationOptions
{
    /// <summary>All chance comes from it.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Workers.</summary>
    public int Workers { get; init; } = 20;

    /// <summary>Slots of a worker, at least; each has up to twice as many.</summary>
    public int Slots { get; init; } = 4;

    /// <summary>All workers have the same slots and speed.</summary>
    public bool IsUniform { get; init; }

    /// <summary>Requesters.</summary>
    public int Requesters { get; init; } = 8;

    /// <summary>Actions of all requesters together; ignored with <see cref="Graph"/>.</summary>
    public int Actions { get; init; } = 10_000;

    /// <summary>Mean seconds of an action.</summary>
    public double MeanSeconds { get; init; } = 1.5;

    /// <summary>Actions that a requester has waiting or running at most.</summary>
    public int Parallel { get; init; } = 200;

    /// <summary>What each requester builds; null: actions that need no others.</summary>
    public BuildGraph? Graph { get; init; }

    /// <summary>A fault of a random worker is this many seconds after the last; 0: none.</summary>
    public double SecondsBetweenFaults { get; init; }

    /// <summary>The pool is lost with the worker that has it, and is elsewhere this much later.</summary>
    public double PoolPauseSeconds { get; init; } = 1.5;

    /// <summary>The pool's worker is one of those that can fail.</summary>
    public bool PoolFails { get; init; } = true;

    /// <summary>Shares of the requesters' users, "u0" and so on; those that are not named have 1.</summary>
    public IReadOnlyDictionary<string, double> Weights { get; init; } = new Dictionary<string, double>();

    /// <summary>Each requester is another user; else they share as many as this says.</summary>
    public int Users { get; init; }

    /// <summary>Part of the requesters that do batch work.</summary>
    public double BatchPart { get; init; }

    /// <summary>Virtual seconds after which a run that has not ended has failed.</summary>
    public double Limit { get; init; } = 1_000_000;

    /// <summary>Virtual seconds after which shares are counted and the run ends; 0: it ends with the last action.</summary>
    public double StopAt { get; init; }

    /// <summary>Workers whose results are not those of others: the first of them.</summary>
    public int Liars { get; init; }

    /// <summary>Part of the actions whose result two other workers have, too, so that it is compared.</summary>
    public double ComparedPart { get; init; }

    /// <summary>Part of these whose tool is not repeatable and leaves one of two things.</summary>
    public double FlakyPart { get; init; }

    /// <summary>The pool's rules.</summary>
    public PoolOptions Pool { get; init; } = new();
}
