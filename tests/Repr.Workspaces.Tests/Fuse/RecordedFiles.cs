using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using Repr.Testing;
using Repr.Workspaces.Fuse;

namespace Repr.Workspaces.Tests.Fuse;

/// <summary>Remembers what a tool looks at in a source, and foretells it to the next one. Safe for concurrent use.</summary>
internal sealed class RecordedFiles(IFileSource files) : IForetoldFiles
{
    private static readonly VirtualPath[] s_private = [.. new[] { "/dev", "/proc", "/tmp" }.Select(VirtualPath.Parse)];

    private readonly ConcurrentDictionary<VirtualPath, FileEntry?> _found = new();
    private readonly ConcurrentDictionary<VirtualPath, byte[]> _read = new();
    private readonly ConcurrentDictionary<VirtualPath, int> _asked = new();

    /// <inheritdoc/>
    public string Caller { get; set; } = "";

    /// <summary>Further entries to foretell, after the others.</summary>
    public IReadOnlyList<ForetoldEntry> Further { get; set; } = [];

    /// <summary>Whether what was looked at is foretold from now on.</summary>
    public bool Foretells { get; set; }

    /// <summary>Contents that are not on this machine when they are foretold.</summary>
    public Func<VirtualPath, bool> IsFar { get; set; } = static _ => false;

    /// <summary>What was put before the last tool.</summary>
    public IReadOnlyDictionary<VirtualPath, ForetoldEntry> Shown { get; private set; } = new Dictionary<VirtualPath, ForetoldEntry>();

    /// <summary>How often the source was asked for each path since it foretells.</summary>
    public IReadOnlyDictionary<VirtualPath, int> Asked => _asked;

    /// <inheritdoc/>
    public async ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        NoteAsked(path);
        return _found[path] = await files.FindAsync(path, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken) => files.ListAsync(directory, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken)
    {
        NoteAsked(file);
        SafeFileHandle content = await files.OpenAsync(file, cancellationToken);
        byte[] bytes = new byte[RandomAccess.GetLength(content)];
        Assert.Equal(bytes.Length, RandomAccess.Read(content, bytes, 0));
        _read[file] = bytes;
        return content;
    }

    /// <inheritdoc/>
    public IReadOnlyList<ForetoldEntry> Foretell()
    {
        Shown = new Dictionary<VirtualPath, ForetoldEntry>();
        if (!Foretells)
        {
            return [];
        }

        SortedDictionary<string, ForetoldEntry> entries = new(StringComparer.Ordinal);
        foreach ((VirtualPath path, FileEntry? entry) in _found.Where(static pair => !pair.Key.IsRoot && !s_private.Any(pair.Key.IsWithin)))
        {
            if (entry is not { Kind: FileKind.File } || _read.ContainsKey(path))
            {
                entries[path.Text] = new ForetoldEntry(path, entry, entry is { Kind: FileKind.File } ? Digest.Compute(_read[path]) : default);
            }
        }

        return [.. entries.Values, .. Further];
    }

    /// <inheritdoc/>
    public SafeFileHandle? TryOpen(Digest content)
    {
        (VirtualPath path, byte[] bytes) = _read.First(pair => Digest.Compute(pair.Value) == content);
        return IsFar(path) ? null : MemoryFileSource.OpenCopy(bytes);
    }

    /// <inheritdoc/>
    public void NoteShown(IReadOnlyDictionary<VirtualPath, ForetoldEntry> shown) => Shown = new Dictionary<VirtualPath, ForetoldEntry>(shown);

    private void NoteAsked(VirtualPath path)
    {
        if (Foretells)
        {
            _asked.AddOrUpdate(path, 1, static (_, count) => count + 1);
        }
    }
}
