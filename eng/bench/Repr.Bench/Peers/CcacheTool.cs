namespace Repr.Bench.Peers;

/// <summary>
/// ccache with an empty cache on the disk. It never runs anything remotely: what is counted is the second time, from the cache.
/// </summary>
/// <param name="options">Where its files go.</param>
/// <param name="name">Its name here.</param>
internal sealed class CcacheTool(PeerOptions options, string name) : Tool(name, "ccache")
{
    private readonly Dictionary<string, string> _environment = new(StringComparer.Ordinal)
    {
        ["CCACHE_DIR"] = Path.Combine(options.State, name),
        ["CCACHE_STATSLOG"] = Path.Combine(options.State, name + "-log"),
    };

    /// <summary>A first time, then from the cache.</summary>
    public override int Runs => 2;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Environment => _environment;

    /// <inheritdoc/>
    public override bool IsCache => true;

    /// <inheritdoc/>
    public override Task ForgetAsync(CancellationToken cancellationToken)
    {
        if (Directory.Exists(_environment["CCACHE_DIR"]))
        {
            Directory.Delete(_environment["CCACHE_DIR"], recursive: true);
        }

        return Task.CompletedTask;
    }

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
