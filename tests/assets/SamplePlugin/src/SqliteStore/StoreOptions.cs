using System.ComponentModel.DataAnnotations;

namespace SqliteStore;

/// <summary>What the settings' <c>Options</c> are bound to. The attributes are checked before the store is made.</summary>
public sealed class StoreOptions
{
    /// <summary>The folder of the blobs; made where it is missing.</summary>
    [Required]
    public string Path { get; set; } = string.Empty;
}
