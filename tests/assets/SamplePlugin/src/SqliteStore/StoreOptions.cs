using System.ComponentModel.DataAnnotations;

namespace SqliteStore;

/// <summary>What the settings' <c>Options</c> are bound to. The attributes are checked before the store is made.</summary>
public sealed class StoreOptions
{
    /// <summary>The database file; made where it is missing.</summary>
    [Required]
    public string Path { get; set; } = string.Empty;
}
