using System.Buffers;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Fuse;

/// <summary>
/// A directory in memory that lies above the file system of each action of one slot, one after the other: what is foretold of an action's files is in it
/// when its tool begins, and reaches the tool without a message. What two actions of one caller that follow each other have in common stays. One action at a time.
/// </summary>
/// <remarks>
/// The overlay of the next action may be mounted already when the directory changes (<see cref="SpareSandbox"/>). The kernel leaves open what is seen then;
/// what it remembers are names that were looked up, and none was.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class ForetoldLayer : IDisposable
{
    /// <summary>Larger files the kernel serves by itself, once for all sandboxes.</summary>
    public const int LargestLength = 128 * 1024;

    private const string Whiteout = "whiteout"; // WHITEOUT of launch.h
    private const int MaximumBytes = 32 << 20;
    private const int PageLength = 4096;
    private const int EntryLength = 1024; // what an inode and a name take, or a little more
    private const int OpenMode = 0x1ED; // 0o755

    private readonly string _place;
    private readonly SafeFileHandle _root;
    private readonly SafeFileHandle _directory;
    private readonly SafeFileHandle _aside;
    private readonly (uint User, uint Group) _owner;
    private readonly Dictionary<VirtualPath, ForetoldEntry> _shown = []; // what is in the directory, or aside
    private bool _isAside;

    /// <summary>Makes an empty layer.</summary>
    /// <param name="root">The directory of the launcher's file system (FORETOLD of launch.h).</param>
    /// <param name="number">Its name there, from 1.</param>
    /// <param name="owner">Who owns everything in it.</param>
    /// <exception cref="IOException">It can't be made.</exception>
    public ForetoldLayer(string root, uint number, (uint User, uint Group) owner)
    {
        Number = number;
        _owner = owner;
        _place = root;
        if (!WorkspaceNative.Stat(Path.Combine(root, Whiteout)).IsWhiteout) // another directory may be there where the way to it has a link
        {
            throw new IOException($"'{root}' is not the launcher's file system.");
        }

        _root = DirectoryNative.Open(root);
        try
        {
            _directory = Make(Name);
            _aside = Make(AsideName);
        }
        catch
        {
            _directory?.Dispose();
            _root.Dispose();
            throw;
        }

        SafeFileHandle Make(string name)
        {
            DirectoryNative.Make(_root, name, OpenMode);
            DirectoryNative.SetOwner(_root, name, owner);
            return DirectoryNative.Open(Path.Combine(root, name));
        }
    }

    /// <summary>Its name in the launcher's file system.</summary>
    public uint Number { get; }

    private string Name => FormattableString.Invariant($"{Number}");

    private string AsideName => Name + "-aside";

    /// <summary>Puts in what is foretold of an action's files, and nothing else. No tool may see the layer meanwhile.</summary>
    /// <param name="files">The action's.</param>
    /// <returns>What is in it now; good until the next action.</returns>
    /// <exception cref="IOException">It can't be done. Whatever it throws, the layer is of no more use.</exception>
    public IReadOnlyDictionary<VirtualPath, ForetoldEntry> Show(IForetoldFiles files)
    {
        Dictionary<VirtualPath, ForetoldEntry> wanted = ToDictionary(files.Foretell());
        if (wanted.Count == 0)
        {
            PutAside(true); // of a command that is watched: the next one may be much like the one before
            files.NoteShown(wanted);
            return wanted;
        }

        PutAside(false);
        HashSet<VirtualPath> changed = []; // directories
        Remove(wanted, changed);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(LargestLength);
        try
        {
            foreach (ForetoldEntry entry in wanted.Values)
            {
                Put(entry, files, buffer, changed);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        foreach (VirtualPath path in changed)
        {
            if (_shown.TryGetValue(path, out ForetoldEntry? directory) && IsDirectory(directory)) // it may have become something else
            {
                DirectoryNative.SetMode(_directory, NameOf(path), directory.Entry!.Mode);
                DirectoryNative.SetTime(_directory, NameOf(path), directory.Entry.ModifiedNs);
            }
        }

        files.NoteShown(_shown);
        return _shown;
    }

    /// <summary>Takes everything away, as far as it can be.</summary>
    public void Dispose()
    {
        foreach (string name in new[] { Name, AsideName })
        {
            try
            {
                StagingDirectory.Delete(Path.Combine(_place, name)); // also what was not noted when something failed
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // It goes with the launcher.
            }
        }

        _directory.Dispose();
        _aside.Dispose();
        _root.Dispose();
    }

    // In the order of the list; as much as there is room for.
    private static Dictionary<VirtualPath, ForetoldEntry> ToDictionary(IReadOnlyList<ForetoldEntry> entries)
    {
        Dictionary<VirtualPath, ForetoldEntry> wanted = new(entries.Count);
        long bytes = 0;
        foreach (ForetoldEntry entry in entries)
        {
            long length = entry.Entry is { Kind: FileKind.File } file ? file.SizeBytes : 0;
            long room = ((length + PageLength - 1) / PageLength * PageLength) + EntryLength;
            if (length <= LargestLength && bytes + room <= MaximumBytes)
            {
                bytes += room;
                wanted.Add(entry.Path, entry);
            }
        }

        return wanted;
    }

    private static string NameOf(VirtualPath path) => path.Text[1..];

    // All of it, by what is directly in the directory.
    private void PutAside(bool isAside)
    {
        if (isAside != _isAside)
        {
            _isAside = isAside;
            (SafeFileHandle from, SafeFileHandle to) = isAside ? (_directory, _aside) : (_aside, _directory);
            foreach (VirtualPath path in _shown.Keys.Where(static path => path.Parent.IsRoot))
            {
                DirectoryNative.Move(from, to, NameOf(path));
            }
        }
    }

    private static bool IsDirectory(ForetoldEntry entry) => entry.Entry is { Kind: FileKind.Directory };

    private void Remove(Dictionary<VirtualPath, ForetoldEntry> wanted, HashSet<VirtualPath> changed)
    {
        ForetoldEntry[] unwanted =
        [
            .. _shown.Values
                .Where(entry => !wanted.TryGetValue(entry.Path, out ForetoldEntry? next) || (next != entry && !(IsDirectory(next) && IsDirectory(entry))))
                .OrderByDescending(static entry => entry.Path.Text, StringComparer.Ordinal), // what is in a directory comes before it
        ];
        foreach (ForetoldEntry entry in unwanted)
        {
            DirectoryNative.Remove(_directory, NameOf(entry.Path), IsDirectory(entry));
            _shown.Remove(entry.Path);
            changed.Add(entry.Path.Parent);
        }
    }

    private void Put(ForetoldEntry entry, IForetoldFiles files, byte[] buffer, HashSet<VirtualPath> changed)
    {
        if (_shown.TryGetValue(entry.Path, out ForetoldEntry? before))
        {
            if (before != entry) // a directory with other attributes
            {
                _shown[entry.Path] = entry;
                changed.Add(entry.Path);
            }

            return;
        }

        string name = NameOf(entry.Path);
        switch (entry.Entry)
        {
            case null:
                DirectoryNative.Share(_root, Whiteout, _directory, name);
                break;
            case { Kind: FileKind.Directory }:
                DirectoryNative.Make(_directory, name, OpenMode);
                DirectoryNative.SetOwner(_directory, name, _owner);
                changed.Add(entry.Path);
                break;
            case { Kind: FileKind.Symlink } link:
                DirectoryNative.MakeLink(_directory, name, link.LinkTarget!);
                DirectoryNative.SetOwner(_directory, name, _owner);
                DirectoryNative.SetTime(_directory, name, link.ModifiedNs);
                break;
            case { } file:
                if (!TryCopy(entry, file, files, buffer))
                {
                    return; // whoever opens it waits for its content
                }

                break;
        }

        _shown.Add(entry.Path, entry);
        changed.Add(entry.Path.Parent);
    }

    private bool TryCopy(ForetoldEntry entry, FileEntry file, IForetoldFiles files, byte[] buffer)
    {
        string name = NameOf(entry.Path);
        Span<byte> data = buffer.AsSpan(0, (int)file.SizeBytes);
        if (!TryRead(files, entry.Content, data))
        {
            return false;
        }

        using (SafeFileHandle copy = DirectoryNative.MakeFile(_directory, name))
        {
            RandomAccess.Write(copy, data, 0);
        }

        DirectoryNative.SetOwner(_directory, name, _owner);
        DirectoryNative.SetMode(_directory, name, file.Mode);
        DirectoryNative.SetTime(_directory, name, file.ModifiedNs);
        return true;
    }

    // False: it is not here, shorter than its name says, or can't be read. Who opens the file finds out.
    private static bool TryRead(IForetoldFiles files, Digest digest, Span<byte> data)
    {
        try
        {
            using SafeFileHandle? content = files.TryOpen(digest);
            return content is not null && FuseServer.Fill(content, data, 0) == data.Length;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ReprException)
        {
            return false;
        }
    }
}

/// <summary>What lies below a tool's writes, where a part was foretold.</summary>
/// <param name="shown">That part.</param>
/// <param name="tree">What was asked for.</param>
internal sealed class ForetoldLower(IReadOnlyDictionary<VirtualPath, ForetoldEntry> shown, FuseTree tree) : ILowerLayer
{
    /// <inheritdoc/>
    public FileEntry? Find(VirtualPath path) => shown.TryGetValue(path, out ForetoldEntry? entry) ? entry.Entry : tree.Find(path);

    /// <inheritdoc/>
    public IReadOnlyList<string> Names(VirtualPath directory) => tree.Names(directory);
}
