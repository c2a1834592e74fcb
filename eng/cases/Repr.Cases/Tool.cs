namespace Repr.Cases;

/// <summary>Where the commands of a run were executed, as the tool's own record says.</summary>
/// <param name="Remote">Commands whose result is that of a worker; of a cache: that came from it.</param>
/// <param name="Note">Why others were not, if the tool says it.</param>
internal sealed record Placement(int Remote, string? Note);

/// <summary>One of the tools that are compared.</summary>
/// <param name="name">As in "distcc".</param>
/// <param name="prefix">What stands before a command.</param>
internal abstract class Tool(string name, string prefix)
{
    /// <summary>As in "distcc".</summary>
    public string Name => name;

    /// <summary>What stands before a command, as in "repr exec --".</summary>
    public string Prefix => prefix;

    /// <summary>How often a case is run; the last run's placement counts, and every run's results.</summary>
    public virtual int Runs => 1;

    /// <summary>For the next run.</summary>
    public abstract IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>Begins a new record.</summary>
    public abstract Task BeginAsync(CancellationToken cancellationToken);

    /// <summary>Reads the record of what has run since <see cref="BeginAsync"/>.</summary>
    public abstract Task<Placement> EndAsync(CancellationToken cancellationToken);
}
