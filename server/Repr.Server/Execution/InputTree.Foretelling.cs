using Microsoft.Win32.SafeHandles;
using Repr.Workspaces.Fuse;

namespace Repr.Server.Execution;

// What the tool will most likely look at, since it did the last time.
internal sealed partial class InputTree : IForetoldFiles
{
    /// <inheritdoc/>
    public string Caller { get; private set; } = "";

    /// <summary>What the tool is expected to look at, as far as that is known in the order in which it will.</summary>
    public IReadOnlyList<ObservedInput> Expected { get; private set; } = [];

    /// <summary>How much was put before the tool; null: the workspace is of a kind that puts nothing there.</summary>
    public int? Shown { get; private set; }

    /// <summary>Says what is expected of the tool, before it runs.</summary>
    public void Expect(string caller, IReadOnlyList<ObservedInput> inputs) => (Caller, Expected) = (caller, inputs);

    /// <inheritdoc/>
    public IReadOnlyList<ForetoldEntry> Foretell()
    {
        Dictionary<VirtualPath, ForetoldEntry> entries = new(2 * Expected.Count);
        foreach (ObservedInput input in Expected)
        {
            if (!input.Path.IsRoot && Foretell(input) is { } entry && AddWay(entries, input.Path.Parent))
            {
                entries.TryAdd(entry.Path, entry);
            }
        }

        return [.. entries.Values]; // in the order in which they were added: a way before what it leads to
    }

    /// <inheritdoc/>
    public SafeFileHandle? TryOpen(Digest content) => _store.TryOpenFile(content);

    /// <inheritdoc/>
    public void NoteShown(IReadOnlyDictionary<VirtualPath, ForetoldEntry> shown)
    {
        Shown = shown.Count;
        HashSet<VirtualPath> noted = new(shown.Count);
        foreach (ObservedInput input in Expected) // in the order of first use, in which it is brought elsewhere
        {
            NoteShown(input.Path, shown, noted);
        }
    }

    // Null: the tool shall ask. A file that it is known only to have looked at is not foretold: that it reads it could not be seen.
    private ForetoldEntry? Foretell(ObservedInput input)
    {
        if (IsPrivate(input.Path) || input.Path.HasDrive) // with what the sandbox mounts there itself; names without case
        {
            return null;
        }

        return Peek(input.Path) switch
        {
            AbsentFact => new ForetoldEntry(input.Path, null),
            SymlinkFact link => new ForetoldEntry(input.Path, ToEntry(link)),
            FileFact file when input.Kind == ObservedKind.Read && PeekContent(file) is { } content => new ForetoldEntry(input.Path, ToEntry(file), content),
            _ => null,
        };
    }

    // False: there is no known way of directories.
    private bool AddWay(Dictionary<VirtualPath, ForetoldEntry> entries, VirtualPath directory)
    {
        if (directory.IsRoot)
        {
            return true;
        }

        if (entries.TryGetValue(directory, out ForetoldEntry? known))
        {
            return known.Entry is { Kind: FileKind.Directory };
        }

        if (Peek(directory) is not DirectoryFact fact || !AddWay(entries, directory.Parent))
        {
            return false;
        }

        entries.Add(directory, new ForetoldEntry(directory, ToEntry(fact)));
        return true;
    }

    private void NoteShown(VirtualPath path, IReadOnlyDictionary<VirtualPath, ForetoldEntry> shown, HashSet<VirtualPath> noted)
    {
        if (path.IsRoot || !shown.TryGetValue(path, out ForetoldEntry? entry) || !noted.Add(path))
        {
            return;
        }

        NoteShown(path.Parent, shown, noted);
        Observed.Note(path, entry.Entry switch
        {
            null => ObservedKind.Absent,
            { Kind: FileKind.File } => ObservedKind.Read,
            _ => ObservedKind.Stated,
        });
    }
}
