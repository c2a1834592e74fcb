using System.Text;
using Repr.Workspaces.ProjFs;

namespace Repr.Workspaces.Tests.ProjFs;

/// <summary>Counts of the double (double.h).</summary>
internal enum DoubleCount
{
    Placeholders,
    Data,
    Starts,
    Gets,
    Ends,
    Queries,
    Notifications,
    Cancels,
    Pending,
    Negative,
    Late,
    MostRunning,
    MostPending,
    Writes,
}

/// <summary>
/// A process below a projected root, played by the double. Paths are relative, with '\'. Each call blocks its thread as a system call
/// does, so that it is to be made by a thread of its own. Errors are HRESULTs.
/// </summary>
internal sealed unsafe class ProjectedTool(string root)
{
    /// <summary>The answer for what is not there.</summary>
    public const int NotFound = HResult.FileNotFound;

    /// <summary>Sets how the double behaves, for all roots.</summary>
    public static void Set(DoubleSettings settings) => ToolNative.DoubleSettings(&settings);

    /// <summary>Runs a function on a thread of its own.</summary>
    public static Task<T> OnThread<T>(Func<T> function) =>
        Task.Factory.StartNew(function, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>The counts.</summary>
    public uint Count(DoubleCount which)
    {
        uint* counts = stackalloc uint[16];
        byte* text = stackalloc byte[256];
        _ = ToolNative.DoubleCounts(root, counts, text);
        return counts[(int)which];
    }

    /// <summary>Fails when the provider did what the library forbids.</summary>
    public void AssertNoViolation()
    {
        uint* counts = stackalloc uint[16];
        byte* text = stackalloc byte[256];
        int violations = ToolNative.DoubleCounts(root, counts, text);
        Assert.True(violations == 0, $"{violations} violations, first: {Encoding.ASCII.GetString(text, 256).TrimEnd('\0')}");
    }

    /// <summary>What is at a path, and how it is spelled on the disk.</summary>
    public int Stat(string path, out PrjFileBasicInfo info, out string spelled)
    {
        PrjFileBasicInfo found = default;
        char* text = stackalloc char[4096];
        int result = ToolNative.ToolStat(root, path, &found, text, 4096);
        info = found;
        spelled = result < 0 ? "" : new string(text);
        return result;
    }

    /// <summary>Opens without reading.</summary>
    public int Open(string path) => Stat(path, out _, out _);

    /// <summary>Whether a name is there, for a lookup that needs no placeholder.</summary>
    public int Query(string path) => ToolNative.ToolQuery(root, path);

    /// <summary>A file's content, or a part of it.</summary>
    public int Read(string path, out byte[] content, long offset = 0, int length = 1 << 26)
    {
        content = new byte[length];
        long count = 0;
        int result;
        fixed (byte* start = content)
        {
            result = ToolNative.ToolRead(root, path, (ulong)offset, start, (uint)length, &count);
        }

        Array.Resize(ref content, (int)count);
        return result;
    }

    /// <summary>A file's text; null when it can't be read.</summary>
    public string? ReadText(string path) => Read(path, out byte[] content, length: 1 << 16) < 0 ? null : Encoding.UTF8.GetString(content);

    /// <summary>Writes a file, or adds to it.</summary>
    public int Write(string path, ReadOnlySpan<byte> content, bool append = false)
    {
        fixed (byte* start = content)
        {
            byte nothing = 0;
            return ToolNative.ToolWrite(root, path, start is null ? &nothing : start, (uint)content.Length, append ? 1 : 0);
        }
    }

    /// <summary>Writes a file, or adds to it.</summary>
    public int Write(string path, string text, bool append = false) => Write(path, Encoding.UTF8.GetBytes(text), append);

    /// <summary>Makes a directory.</summary>
    public int MakeDirectory(string path) => ToolNative.ToolMakeDirectory(root, path);

    /// <summary>Gives a file another time.</summary>
    public int Touch(string path) => ToolNative.ToolTouch(root, path, DateTime.UtcNow.ToFileTimeUtc());

    /// <summary>The names in a directory, in the order in which they came.</summary>
    public int List(string path, out string[] names, string pattern = "*", bool restart = false)
    {
        char[] buffer = new char[1 << 20];
        int result;
        fixed (char* start = buffer)
        {
            result = ToolNative.ToolList(root, path, pattern, restart ? 1 : 0, start, (uint)buffer.Length);
        }

        string all = new(buffer);
        names = result < 0 ? [] : all[..Math.Max(0, all.IndexOf("\0\0", StringComparison.Ordinal))].Split('\0', StringSplitOptions.RemoveEmptyEntries);
        return result;
    }

    /// <summary>Deletes a file or an empty directory.</summary>
    public int Delete(string path) => ToolNative.ToolDelete(root, path);

    /// <summary>Renames; null: out of the root.</summary>
    public int Rename(string from, string? to) => ToolNative.ToolRename(root, from, to);

    /// <summary>Makes a hard link; null: out of the root.</summary>
    public int Link(string from, string? to) => ToolNative.ToolLink(root, from, to);

    /// <summary>Cancels everything that is pending; returns how much.</summary>
    public int Cancel() => ToolNative.DoubleCancel(root);
}
