namespace Repr.Cases.Tools;

/// <summary>
/// ccache with an empty cache on the disk. It never runs anything remotely: what is counted is the second time, from the cache.
/// </summary>
/// <param name="options">Where its files go.</param>
internal sealed class CcacheTool(CasesOptions options) : Tool("ccache", "ccache")
{
    private readonly Dictionary<string, string> _environment = new(StringComparer.Ordinal)
    {
        ["CCACHE_DIR"] = Path.Combine(options.State, "ccache"),
        ["CCACHE_STATSLOG"] = Path.Combine(options.State, "ccache-log"),
    };

    /// <summary>A first time, then from the cache.</summary>
    public override int Runs => 2;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Environment => _environment;

    /// <inheritdoc/>
    public override Task BeginAsync(CancellationToken cancellationToken)
    {
        File.Delete(_environment["CCACHE_STATSLOG"]);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override async Task<Placement> EndAsync(CancellationToken cancellationToken)
    {
        string log = _environment["CCACHE_STATSLOG"];
        string[] lines = File.Exists(log) ? await File.ReadAllLinesAsync(log, cancellationToken) : [];
        return new Placement(lines.Count(line => line is "direct_cache_hit" or "preprocessed_cache_hit"), null);
    }
}
