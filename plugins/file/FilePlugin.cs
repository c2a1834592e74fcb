using System.ComponentModel.DataAnnotations;

namespace Repr.Discovery.File;

/// <summary>Options of <see cref="FilePlugin"/>.</summary>
public sealed class FileOptions
{
    /// <summary>The file: an address on each line, as in "http://10.0.0.7:7070"; empty lines and what follows a '#' do not count. An absolute path.</summary>
    [Required]
    [RegularExpression("/.+", ErrorMessage = "must be an absolute path.")]
    public string Path { get; set; } = "";

    /// <summary>
    /// Seconds after which the file is looked at again even if nothing told that it changed: some file systems, those of other machines above
    /// all, do not tell.
    /// </summary>
    [Range(1, 3600)]
    public int CheckSeconds { get; set; } = 5;
}

/// <summary>"file": workers whose addresses some other program, or a person, keeps in a file.</summary>
public sealed class FilePlugin : IPlugin<IWorkerDiscovery, FileOptions>
{
    /// <inheritdoc/>
    public string Name => "file";

    /// <inheritdoc/>
    public IWorkerDiscovery Create(FileOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        return new FileDiscovery(options.Path, TimeSpan.FromSeconds(options.CheckSeconds), context.Time);
    }
}
