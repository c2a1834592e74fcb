using System.Diagnostics;
using Repr.Bench.Peers;

namespace Repr.Bench;

/// <summary>Something that is built, in a directory of its own.</summary>
internal abstract class Workload
{
    /// <summary>Short name, as in "lua5.4".</summary>
    public abstract string Key { get; }

    /// <summary>For people.</summary>
    public abstract string Title { get; }

    /// <summary>The ways to build it. The first is what all are compared to.</summary>
    public abstract IReadOnlyList<Configuration> Configurations { get; }

    /// <summary>Compiles that a worker runs at the same time.</summary>
    public abstract int Slots { get; }

    /// <summary>Where it is.</summary>
    public abstract Checkout Checkout { get; }

    /// <summary>The tools of its configurations.</summary>
    public IReadOnlyList<string> Tools =>
        [.. Configurations.Select(configuration => configuration.Tool).OfType<string>().Distinct(StringComparer.Ordinal)];

    /// <summary>Puts the sources there; another run's are replaced.</summary>
    /// <param name="group">Where commands run.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="BenchException">They can't be had.</exception>
    public abstract Task PrepareAsync(ControlGroup group, CancellationToken cancellationToken);

    /// <summary>The command that builds it from nothing.</summary>
    /// <param name="group">Where it runs.</param>
    /// <param name="configuration">How.</param>
    /// <param name="tool">The tool of the configuration, as it is now; null: none.</param>
    /// <param name="prefix">What stands before the command, as in "ip netns exec other".</param>
    public abstract ProcessStartInfo StartOf(ControlGroup group, Configuration configuration, Tool? tool, IReadOnlyList<string> prefix);

    /// <summary>Whether a file that a build left must be the same after each.</summary>
    public abstract bool IsCompared(string file);

    /// <summary>The time in all compiler tasks together, as the build says it; null: it does not.</summary>
    public virtual TimeSpan? TimeOfCompilers(string output) => null;
}
