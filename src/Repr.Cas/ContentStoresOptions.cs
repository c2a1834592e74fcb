namespace Repr.Cas;

/// <summary>The chain of content stores that a worker uses.</summary>
public sealed record ContentStoresOptions
{
    /// <summary>The store on this machine; always the first.</summary>
    public required DiskContentStoreOptions Disk { get; init; }

    /// <summary>Stores behind it, nearest first.</summary>
    public IReadOnlyList<FarContentStoreOptions> Far { get; init; } = [];
}

/// <summary>A store behind the one on this machine.</summary>
/// <param name="Assembly">Path of the plugin's assembly.</param>
/// <param name="Plugin">The name that the plugin goes by; must be the one it gives itself.</param>
/// <param name="Settings">What the plugin makes the store from.</param>
public sealed record FarContentStoreOptions(string Assembly, string Plugin, IReadOnlyDictionary<string, string> Settings);
