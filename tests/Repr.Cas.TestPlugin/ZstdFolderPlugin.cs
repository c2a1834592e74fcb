namespace Repr.Cas.TestPlugin;

/// <summary>Makes stores that keep compressed blobs in a folder. Settings: "folder".</summary>
public sealed class ZstdFolderPlugin : IContentStorePlugin
{
    /// <inheritdoc/>
    public string Name => "zstd-folder";

    /// <inheritdoc/>
    public IContentStore Create(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.TryGetValue("folder", out string? folder)
            ? new ZstdFolderStore(folder)
            : throw new ArgumentException("The setting 'folder' is missing.", nameof(settings));
    }
}
