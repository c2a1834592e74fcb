namespace Repr.Requester.Files;

/// <summary>What of a directory matters to whoever watches it, besides its own attributes. Not safe for concurrent use.</summary>
internal sealed class DirectoryInterest
{
    /// <summary>The entries that matter, in their exact spelling.</summary>
    public HashSet<string> Names { get; init; } = new(StringComparer.Ordinal);

    /// <summary>All entries matter: it was listed.</summary>
    public bool AllNames { get; set; }

    /// <summary>The content of files in it matters, not only names and attributes.</summary>
    public bool Files { get; set; }

    /// <summary>Its own time matters, which changes when any entry comes or goes.</summary>
    public bool Time { get; set; }
}
