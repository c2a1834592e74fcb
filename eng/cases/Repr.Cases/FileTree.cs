using System.Security.Cryptography;
using Repr.Bench;

namespace Repr.Cases;

/// <summary>Names, kinds, modes, numbers of hard links and contents of all that is below a directory.</summary>
internal sealed class FileTree
{
    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    private FileTree()
    {
    }

    /// <summary>Reads it.</summary>
    public static async Task<FileTree> ReadAsync(string directory, CancellationToken cancellationToken)
    {
        FileTree tree = new();
        EnumerationOptions everything = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None };
        foreach (FileSystemInfo item in new DirectoryInfo(directory).EnumerateFileSystemInfos("*", everything))
        {
            string content = item.LinkTarget is string target ? "-> " + target
                : item is DirectoryInfo ? "directory"
                : Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(item.FullName, cancellationToken)));
            tree._entries[Path.GetRelativePath(directory, item.FullName)] = new Entry(content, item.UnixFileMode, string.Empty);
        }

        // Hard links: those of one file have one number.
        ChildProcess links = await ChildProcess.RunAsync(
            "find", [directory, "-type", "f", "-links", "+1", "-printf", "%P\\t%n\\n"], cancellationToken);
        foreach (string[] words in links.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')))
        {
            tree._entries[words[0]] = tree._entries[words[0]] with { Links = words[1] };
        }

        return tree;
    }

    /// <summary>What is not as expected, as in "scale.o", "scale.d (missing)", "main (mode)".</summary>
    public IEnumerable<string> DifferencesFrom(FileTree expected)
    {
        foreach (string path in expected._entries.Keys.Union(_entries.Keys).Order(StringComparer.Ordinal))
        {
            Entry? theirs = expected._entries.GetValueOrDefault(path);
            Entry? ours = _entries.GetValueOrDefault(path);
            string name = path.StartsWith("tree/", StringComparison.Ordinal) ? path["tree/".Length..] : path;
            if (ours != theirs)
            {
                yield return ours is null ? name + " (missing)"
                    : theirs is null ? name + " (too many)"
                    : ours.Content != theirs.Content ? name
                    : ours.Mode != theirs.Mode ? $"{name} (mode {Octal(ours.Mode)} for {Octal(theirs.Mode)})"
                    : name + " (hard links)";
            }
        }
    }

    private static string Octal(UnixFileMode mode) => Convert.ToString((int)mode, 8);

    private sealed record Entry(string Content, UnixFileMode Mode, string Links);
}
