namespace Repr.Requester.Farm;

/// <summary>Section <c>Farm</c> of a requester's settings file.</summary>
public sealed class FarmSettings
{
    private const long DefaultActionBytes = 512L << 20;

    /// <summary>Batch work (a CI system's) gets what interactive work leaves, but never nothing. Null: it is if the variable CI is set.</summary>
    public bool? Batch { get; set; }

    /// <summary>For the shares among one user's work; null: the name of the directory of the sources.</summary>
    public string? Project { get; set; }

    /// <summary>Labels that a worker must have.</summary>
    public IList<string> Labels { get; init; } = [];

    /// <summary>Memory that an action is expected to use.</summary>
    public long ActionBytes { get; set; } = DefaultActionBytes;

    /// <summary>All that is wrong, one sentence each.</summary>
    internal IEnumerable<string> FindProblems() => ActionBytes < 0 ? ["Farm: ActionBytes is negative."] : [];
}
