namespace Repr.Farm;

/// <summary>How urgent work is. Shares are divided between the classes first; no class starves another.</summary>
public enum Priority
{
    /// <summary>Somebody waits for it.</summary>
    Interactive,

    /// <summary>A CI system's.</summary>
    Batch,
}

/// <summary>On whose behalf slots are used: a path in the tree of shares.</summary>
/// <param name="Priority">First level.</param>
/// <param name="User">Second level, as the worker that lets the requester in knows it.</param>
/// <param name="Project">Third level; may be empty.</param>
public sealed record Account(Priority Priority, string User, string Project);
