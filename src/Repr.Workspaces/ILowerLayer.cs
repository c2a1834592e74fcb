namespace Repr.Workspaces;

/// <summary>
/// What lay below the tool's writes. Knows at least every path that the kernel had to look up on the way to a write, which is
/// each one that a write can replace or hide.
/// </summary>
internal interface ILowerLayer
{
    /// <summary>What was at a path; null when there was nothing, or when nobody looked.</summary>
    FileEntry? Find(VirtualPath path);

    /// <summary>The names in a directory; none when nobody listed it.</summary>
    IReadOnlyList<string> Names(VirtualPath directory);
}
