using System.ComponentModel.DataAnnotations;

namespace Repr.Cas.TestPlugin;

/// <summary>Makes stores that keep compressed blobs in a folder.</summary>
public sealed class ZstdFolderPlugin : IPlugin<IContentStore, ZstdFolderOptions>
{
    /// <inheritdoc/>
    public string Name => "zstd-folder";

    /// <inheritdoc/>
    public IContentStore Create(ZstdFolderOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new ZstdFolderStore(options.Folder);
    }
}

/// <summary>Options of <see cref="ZstdFolderPlugin"/>.</summary>
public sealed class ZstdFolderOptions
{
    /// <summary>Where the blobs are; must exist.</summary>
    [Required]
    public string Folder { get; set; } = string.Empty;
}
