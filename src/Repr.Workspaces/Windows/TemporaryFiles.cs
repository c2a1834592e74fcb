using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Windows;

/// <summary>
/// A source in which some directories are there and empty, whatever the requester has there: what a tool puts into its directory of
/// temporary files is its own, and nobody is asked about it.
/// </summary>
/// <param name="source">All else.</param>
/// <param name="directories">The directories.</param>
internal sealed class TemporaryFiles(IFileSource source, IReadOnlyList<VirtualPath> directories) : IFileSource
{
    /// <inheritdoc/>
    public async ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken) =>
        directories.Any(path.IsWithin)
            ? directories.Contains(path) ? Directory(path.Name) : null
            : await source.FindAsync(path, cancellationToken) ?? (directories.Any(directory => directory.IsWithin(path)) ? Directory(path.Name) : null);

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken)
    {
        if (directories.Any(directory.IsWithin))
        {
            return [];
        }

        string[] below =
        [
            .. directories.Where(temporary => temporary.IsWithin(directory))
                .Select(temporary => temporary.Text[(directory.IsRoot ? 1 : directory.Text.Length + 1)..].Split('/')[0])
                .Distinct(StringComparer.OrdinalIgnoreCase),
        ];
        if (below.Length == 0)
        {
            return await source.ListAsync(directory, cancellationToken);
        }

        IReadOnlyList<FileEntry> listed = await source.FindAsync(directory, cancellationToken) is { Kind: FileKind.Directory }
            ? await source.ListAsync(directory, cancellationToken)
            : [];
        return
        [
            .. listed,
            .. below.Where(name => !listed.Any(entry => entry.Name.Equals(name, StringComparison.OrdinalIgnoreCase))).Select(Directory),
        ];
    }

    /// <inheritdoc/>
    public ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken) => source.OpenAsync(file, cancellationToken);

    private static FileEntry Directory(string name) => new(name, FileKind.Directory, 0, 0, SandboxProbe.DirectoryMode);
}
