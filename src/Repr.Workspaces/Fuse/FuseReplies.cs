using System.Runtime.InteropServices;
using System.Text;

namespace Repr.Workspaces.Fuse;

/// <summary>Builds answers, and counts what the kernel was told.</summary>
/// <param name="userId">The owner of everything, as the tool sees it.</param>
/// <param name="groupId">The group of everything, as the tool sees it.</param>
/// <param name="mayChange">Whether a file may come and go: then the kernel asks each time whether it is there.</param>
internal sealed class FuseReplies(uint userId, uint groupId, bool mayChange = false)
{
    private const ulong Forever = uint.MaxValue; // seconds; the kernel cuts it to what it can hold
    private const uint DirectoryType = 0x4000;
    private const uint FileType = 0x8000;
    private const uint LinkType = 0xA000;
    private const long NsPerSecond = 1_000_000_000;

    private static readonly int s_entryLength = Marshal.SizeOf<FuseEntryOut>();
    private static readonly int s_directoryEntryLength = Marshal.SizeOf<FuseDirectoryEntry>();

    /// <summary>Size and limits of the file system; the space is the upper layer's, so these are only large.</summary>
    public static FuseStatFs FileSystem => new()
    {
        Blocks = 1 << 28,
        FreeBlocks = 1 << 27,
        AvailableBlocks = 1 << 27,
        Files = 1 << 24,
        FreeFiles = 1 << 23,
        BlockSize = 4096,
        NameLength = VirtualPath.MaximumNameLength,
        FragmentSize = 4096,
    };

    /// <summary>"There is nothing, and never will be" (or, where files may come, for now): node number 0.</summary>
    public FuseEntryOut Absent { get; } = new() { EntryValid = mayChange ? 0 : Forever };

    /// <summary>The answer to GETATTR.</summary>
    public FuseAttributesOut Attributes(FuseNode node) =>
        new() { AttributesValid = Forever, Attributes = AttributesOf(node) };

    /// <summary>The answer to LOOKUP; counts.</summary>
    public FuseEntryOut Entry(FuseNode? node)
    {
        if (node is null)
        {
            return Absent;
        }

        lock (node)
        {
            node.Lookups++;
        }

        return new FuseEntryOut
        {
            NodeId = node.Id,
            EntryValid = mayChange && node.Entry.Kind == FileKind.File ? 0 : Forever,
            AttributesValid = Forever,
            Attributes = AttributesOf(node),
        };
    }

    /// <summary>Counts down.</summary>
    /// <returns>True when the kernel knows the node no more.</returns>
    public static bool Forget(FuseNode node, ulong lookups)
    {
        lock (node)
        {
            node.Lookups -= (long)lookups;
            return node.Lookups <= 0 && node.Id != 1;
        }
    }

    /// <summary>Writes the entries from an offset on, as many as fit.</summary>
    /// <returns>How many bytes were written; 0 at the end.</returns>
    public int Listing(FuseNode directory, FuseNode[] entries, ulong offset, bool plus, Span<byte> buffer)
    {
        int written = 0;
        int fixedLength = (plus ? s_entryLength : 0) + s_directoryEntryLength;
        for (ulong i = offset; i < (ulong)entries.Length + 2; i++)
        {
            FuseNode node = i switch { 0 => directory, 1 => directory.Parent, _ => entries[i - 2] };
            string name = i switch { 0 => ".", 1 => "..", _ => node.Entry.Name };
            int nameLength = Encoding.UTF8.GetByteCount(name);
            int length = (fixedLength + nameLength + 7) & ~7;
            if (written + length > buffer.Length)
            {
                break;
            }

            Span<byte> target = buffer.Slice(written, length);
            target.Clear();
            if (plus)
            {
                if (i >= 2) // the kernel does not count "." and ".."
                {
                    FuseEntryOut entry = Entry(node);
                    MemoryMarshal.Write(target, in entry);
                }

                target = target[s_entryLength..];
            }

            FuseDirectoryEntry item = new()
            {
                Inode = node.Id,
                NextOffset = i + 1,
                NameLength = (uint)nameLength,
                Type = TypeOf(node) >> 12,
            };
            MemoryMarshal.Write(target, in item);
            Encoding.UTF8.GetBytes(name, target[s_directoryEntryLength..]);
            written += length;
        }

        return written;
    }

    /// <summary>A time as the kernel takes it: its nanoseconds count forward also before 1970.</summary>
    /// <param name="ns">Nanoseconds since 1970 UTC.</param>
    public static (long Seconds, long Nanoseconds) ToTime(long ns)
    {
        (long seconds, long nanoseconds) = Math.DivRem(ns, NsPerSecond);
        return nanoseconds < 0 ? (seconds - 1, nanoseconds + NsPerSecond) : (seconds, nanoseconds);
    }

    private static uint TypeOf(FuseNode node) => node.Entry.Kind switch
    {
        FileKind.Directory => DirectoryType,
        FileKind.Symlink => LinkType,
        _ => FileType,
    };

    private FuseAttributes AttributesOf(FuseNode node)
    {
        FileEntry entry = node.Entry;
        (long seconds, long nanoseconds) = ToTime(entry.ModifiedNs);
        return new FuseAttributes
        {
            Inode = node.Id,
            Size = (ulong)entry.SizeBytes,
            Blocks = ((ulong)entry.SizeBytes + 511) / 512,
            AccessTime = seconds,
            ModifyTime = seconds,
            ChangeTime = seconds,
            AccessTimeNs = (uint)nanoseconds,
            ModifyTimeNs = (uint)nanoseconds,
            ChangeTimeNs = (uint)nanoseconds,
            Mode = TypeOf(node) | ((uint)entry.Mode & 0xFFF),
            LinkCount = 1, // for a directory: "not counted", as Btrfs says it
            UserId = userId,
            GroupId = groupId,
            BlockSize = 4096,
        };
    }
}
