using System.Collections.Concurrent;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Repr.Testing;

/// <summary>Files in memory, in front of another source. Directories on the way to a file are made.</summary>
public sealed class MemoryFileSource : IFileSource
{
    /// <summary>The time of every file.</summary>
    public const long ModifiedNs = 1_600_000_000_123_456_789;

    private const int DirectoryMode = 0x1ED;
    private const int FileMode = 0x1A4;

    private readonly IFileSource? _behind;
    private readonly ConcurrentDictionary<VirtualPath, FileEntry> _entries = new();
    private readonly ConcurrentDictionary<VirtualPath, byte[]> _contents = new();

    /// <summary>Makes a source with a root directory only.</summary>
    public MemoryFileSource(IFileSource? behind = null)
    {
        _behind = behind;
        _entries[VirtualPath.Root] = new FileEntry("", FileKind.Directory, 0, ModifiedNs, DirectoryMode);
    }

    /// <summary>Called before each answer; may wait or throw.</summary>
    public Func<VirtualPath, CancellationToken, ValueTask>? BeforeAnswer { get; set; }

    /// <summary>Called before each content is opened; may wait or throw.</summary>
    public Func<VirtualPath, CancellationToken, ValueTask>? BeforeContent { get; set; }

    /// <summary>How often each path was opened.</summary>
    public ConcurrentDictionary<VirtualPath, int> Opened { get; } = new();

    /// <summary>Adds a file.</summary>
    public MemoryFileSource AddFile(string path, string content, int mode = FileMode, long modifiedNs = ModifiedNs)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(content);
        VirtualPath where = VirtualPath.Parse(path);
        _contents[where] = bytes;
        return Add(where, new FileEntry(where.Name, FileKind.File, bytes.Length, modifiedNs, mode));
    }

    /// <summary>Adds a directory.</summary>
    public MemoryFileSource AddDirectory(string path, int mode = DirectoryMode, long modifiedNs = ModifiedNs)
    {
        VirtualPath where = VirtualPath.Parse(path);
        return Add(where, new FileEntry(where.Name, FileKind.Directory, 0, modifiedNs, mode));
    }

    /// <summary>Adds a symbolic link.</summary>
    public MemoryFileSource AddLink(string path, string target)
    {
        VirtualPath where = VirtualPath.Parse(path);
        return Add(where, new FileEntry(where.Name, FileKind.Symlink, target.Length, ModifiedNs, 0x1FF, target));
    }

    /// <inheritdoc/>
    public async ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        await AnswerAsync(path, cancellationToken);
        return _entries.TryGetValue(path, out FileEntry? entry) ? entry
            : _behind is null ? null
            : await _behind.FindAsync(path, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken)
    {
        await AnswerAsync(directory, cancellationToken);
        Dictionary<string, FileEntry> entries = _entries
            .Where(pair => !pair.Key.IsRoot && pair.Key.Parent == directory)
            .ToDictionary(pair => pair.Value.Name, pair => pair.Value);
        if (_behind is not null && await _behind.FindAsync(directory, cancellationToken) is { Kind: FileKind.Directory })
        {
            foreach (FileEntry entry in await _behind.ListAsync(directory, cancellationToken))
            {
                entries.TryAdd(entry.Name, entry);
            }
        }

        return [.. entries.Values];
    }

    /// <inheritdoc/>
    public async ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken)
    {
        await AnswerAsync(file, cancellationToken);
        if (BeforeContent is { } before)
        {
            await before(file, cancellationToken);
        }

        Opened.AddOrUpdate(file, 1, (_, count) => count + 1);
        if (!_contents.TryGetValue(file, out byte[]? content))
        {
            return await _behind!.OpenAsync(file, cancellationToken);
        }

        return OpenCopy(content);
    }

    /// <summary>An open file with this content and no name.</summary>
    public static SafeFileHandle OpenCopy(byte[] content)
    {
        string name = Path.GetTempFileName();
        using (SafeFileHandle written = File.OpenHandle(name, System.IO.FileMode.Create, FileAccess.Write))
        {
            RandomAccess.Write(written, content, 0); // at once, as a store has it
        }

        SafeFileHandle handle = File.OpenHandle(name, share: FileShare.Read | FileShare.Delete);
        File.Delete(name);
        return handle;
    }

    private MemoryFileSource Add(VirtualPath path, FileEntry entry)
    {
        for (VirtualPath parent = path.Parent; !_entries.ContainsKey(parent); parent = parent.Parent)
        {
            _entries[parent] = new FileEntry(parent.Name, FileKind.Directory, 0, ModifiedNs, DirectoryMode);
        }

        _entries[path] = entry;
        return this;
    }

    private async ValueTask AnswerAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        if (BeforeAnswer is { } before)
        {
            await before(path, cancellationToken);
        }
    }
}
