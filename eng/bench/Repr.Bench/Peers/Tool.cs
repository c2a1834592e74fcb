namespace Repr.Bench.Peers;

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

    /// <summary>It never runs anything remotely: what it gives is what it has kept.</summary>
    public virtual bool IsCache => false;

    /// <summary>For the next run.</summary>
    public abstract IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>Forgets all that earlier runs left with it, if it is a cache.</summary>
    public virtual Task ForgetAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Begins a new record.</summary>
    public abstract Task BeginAsync(CancellationToken cancellationToken);

    /// <summary>The environment of a command: little, so that nothing of the person's own decides, and what the tool needs.</summary>
    /// <param name="start">Its environment is replaced.</param>
    /// <param name="tool">The tool, whose prefix is the variable RUN; null: none.</param>
    public static void SetEnvironment(System.Diagnostics.ProcessStartInfo start, Tool? tool)
    {
        string? path = start.Environment["PATH"];
        start.Environment.Clear();
        start.Environment["PATH"] = path;
        start.Environment["HOME"] = "/root";
        start.Environment["LC_ALL"] = "C.UTF-8";
        start.Environment["RUN"] = tool?.Prefix ?? string.Empty;
        foreach ((string name, string value) in tool?.Environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }
    }

    /// <summary>Reads the record of what has run since <see cref="BeginAsync"/>.</summary>
    public abstract Task<Placement> EndAsync(CancellationToken cancellationToken);
}
