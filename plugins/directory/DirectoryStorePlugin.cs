using System.ComponentModel.DataAnnotations;

namespace Repr.Cas.Directory;

/// <summary>Makes stores in a directory that many machines share, as on SMB or NFS.</summary>
public sealed class DirectoryStorePlugin : IPlugin<IContentStore, DirectoryStoreOptions>
{
    /// <inheritdoc/>
    public string Name => "directory";

    /// <inheritdoc/>
    public IContentStore Create(DirectoryStoreOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        return new DirectoryStore(options, context);
    }
}

/// <summary>Options of <see cref="DirectoryStorePlugin"/>.</summary>
public sealed class DirectoryStoreOptions : IValidatableObject
{
    /// <summary>
    /// The store's directory, absolute. It must exist: that it is not there means that the share is not mounted, so name a directory
    /// below the mount point.
    /// </summary>
    [Required]
    public string Path { get; set; } = string.Empty;

    /// <summary>Files that one call looks for at the same time.</summary>
    [Range(1, 256)]
    public int ParallelCalls { get; set; } = 16;

    /// <summary>A blob that is used gets a new time of change when its last is older than this, in hours. So an age tells that nobody uses it.</summary>
    [Range(0.0, 8760.0)]
    public double RenewAfterHours { get; set; } = 12;

    /// <summary>Files of writers that died are removed when nothing was written to them for this time, in hours.</summary>
    [Range(1.0, 8760.0)]
    public double AbandonedAfterHours { get; set; } = 24;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Path.Length > 0 && !System.IO.Path.IsPathFullyQualified(Path))
        {
            yield return new ValidationResult($"'{Path}' is not absolute.", [nameof(Path)]);
        }
    }
}
