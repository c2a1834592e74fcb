using System.ComponentModel.DataAnnotations;

namespace Repr.Server.Results;

/// <summary>Who gets a result that is known.</summary>
public enum ResultScope
{
    /// <summary>The caller for whom the tool ran, as the authenticator names him; without authentication, everybody is the same.</summary>
    Caller,

    /// <summary>Every caller of the worker.</summary>
    Worker,
}

/// <summary>Section <c>Results</c> of a worker's settings: results of tools' runs that are given again.</summary>
public sealed class ResultCacheOptions
{
    /// <summary>False: every action runs its tool, and nothing is kept.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Who gets a result that is known.</summary>
    public ResultScope Scope { get; set; } = ResultScope.Caller;

    /// <summary>Bound of the index's space on the disk, in bytes; the least recently used goes first. What it names is in the content store.</summary>
    [Range(1L << 20, long.MaxValue, ErrorMessage = "is too little; at least 1048576.")]
    public long MaximumBytes { get; set; } = 1L << 30;
}
