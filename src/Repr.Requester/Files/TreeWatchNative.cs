using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Repr.Requester.Files;

/// <summary>inotify(7), and poll(2) on it. Paths are UTF-8. Failures are negative results.</summary>
internal static partial class TreeWatchNative
{
    /// <summary>A file changed, was written and closed, or its attributes changed; and all of <see cref="NameChanges"/>.</summary>
    public const uint AllChanges = 0x2 | 0x8 | NameChanges; // IN_MODIFY, IN_CLOSE_WRITE

    /// <summary>Attributes changed, the directory's own included; and all of <see cref="EntryChanges"/>.</summary>
    public const uint NameChanges = 0x4 | 0x400 | 0x800 | EntryChanges; // IN_ATTRIB, IN_DELETE_SELF, IN_MOVE_SELF

    /// <summary>A name came or went: the directory's own time is another.</summary>
    public const uint EntryChanges = 0xC0 | 0x100 | 0x200; // IN_MOVE, IN_CREATE, IN_DELETE

    /// <summary>It is watched no more: it was removed, or its file system was.</summary>
    public const uint Ignored = 0x8000; // IN_IGNORED

    private const uint OnlyDirectory = 0x01000000 | 0x02000000; // IN_ONLYDIR, IN_DONT_FOLLOW
    private const uint AddToMask = 0x20000000; // IN_MASK_ADD
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const short Readable = 0x1; // POLLIN
    private const short MountsChanged = 0x2 | 0x8; // POLLPRI, POLLERR

    /// <summary>A new queue of events; invalid when the system has none left.</summary>
    public static SafeFileHandle Create() => new(InotifyInit(NonBlocking | CloseOnExec), ownsHandle: true);

    /// <summary>Watches a directory; the result is its number, the same as long as it is the same directory.</summary>
    public static int Add(SafeFileHandle queue, string directory, uint changes) => InotifyAddWatch(queue, directory, changes | OnlyDirectory | AddToMask);

    /// <summary>Whether there are events, and whether the table of mounts has changed since this was asked last.</summary>
    public static (bool HasEvents, bool HasOtherMounts) Look(SafeFileHandle queue, SafeFileHandle mounts)
    {
        Span<PollDescriptor> descriptors =
        [
            new PollDescriptor { Descriptor = (int)queue.DangerousGetHandle(), Events = Readable },
            new PollDescriptor { Descriptor = (int)mounts.DangerousGetHandle(), Events = MountsChanged },
        ];
        return Poll(ref MemoryMarshal.GetReference(descriptors), 2, 0) switch
        {
            0 => (false, false),
            > 0 => (descriptors[0].ReturnedEvents != 0, descriptors[1].ReturnedEvents != 0),
            _ => (true, true), // it can't be said
        };
    }

    /// <summary>Takes whole events (struct inotify_event); the number of bytes, or negative when there are none.</summary>
    public static int Read(SafeFileHandle queue, Span<byte> events) => (int)Read(queue, ref MemoryMarshal.GetReference(events), (nuint)events.Length);

    [LibraryImport("libc", EntryPoint = "inotify_init1", SetLastError = true)]
    private static partial int InotifyInit(int flags);

    [LibraryImport("libc", EntryPoint = "inotify_add_watch", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int InotifyAddWatch(SafeFileHandle queue, string path, uint mask);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle descriptor, ref byte buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int timeoutMs);

    // struct pollfd of poll.h
    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short ReturnedEvents;
    }
}
