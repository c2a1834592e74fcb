namespace Repr.Farm;

/// <summary>A requester wants a slot for one action. Immutable.</summary>
public sealed record SlotAsk
{
    /// <summary>The worker at which the requester asks: grants go there.</summary>
    public required string Front { get; init; }

    /// <summary>Rises with each ask of a front; with it, the ask's name.</summary>
    public required long Number { get; init; }

    /// <summary>Who pays.</summary>
    public required Account Account { get; init; }

    /// <summary>What the action runs on, as in "linux-x64"; empty: anything.</summary>
    public string Platform { get; init; } = "";

    /// <summary>Labels that the worker must have, sorted.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Names the tool: a worker that has it warm is better. 0: nothing.</summary>
    public ulong ToolKey { get; init; }

    /// <summary>Names what the inputs have in common, as those of a project: a worker that holds them is better. 0: nothing.</summary>
    public ulong ContentKey { get; init; }

    /// <summary>What it is expected to use; 0: not known.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>For how long it is expected to have its slot; 0: not known.</summary>
    public double ExpectedSeconds { get; init; }

    /// <summary>How much of the build cannot begin before it has ended, in seconds one after the other; 0: not known.</summary>
    public double SecondsAfter { get; init; }

    /// <summary>Addresses of workers that are taken only when no other fits: it failed there. Sorted.</summary>
    public IReadOnlyList<string> Avoid { get; init; } = [];
}

/// <summary>What decides which workers fit: asks of the same shape fit the same.</summary>
internal readonly record struct Shape(string Platform, string Labels, string Avoid, long MemoryBytes)
{
    public static Shape Of(SlotAsk ask) => new(ask.Platform, string.Join('\n', ask.Labels), string.Join('\n', ask.Avoid), ask.MemoryBytes);
}

/// <summary>An ask in a pool.</summary>
internal sealed class WaitingAsk(SlotAsk ask, ShareNode leaf, long order, TimeSpan now)
{
    public SlotAsk Ask { get; } = ask;

    public Shape Shape { get; } = Shape.Of(ask);

    public ShareNode Leaf => leaf;

    /// <summary>When it came.</summary>
    public TimeSpan Since => now;

    /// <summary>Rises with each ask of the pool.</summary>
    public long Order => order;

    /// <summary>When it came, and so much earlier as it, and what waits for it, is expected to take.</summary>
    public double Turn { get; } = now.TotalSeconds - ask.ExpectedSeconds - ask.SecondsAfter;
}
