using System.Globalization;

namespace Repr.Build.Cxx;

/// <summary>
/// Room for commands that run on this machine: one for each core, over all builds of the user, and fewer while memory is short. A slot is
/// a locked file, so it is free again whatever becomes of its holder.
/// </summary>
internal sealed class LocalSlots
{
    // What a compile of C++ commonly needs. The first slot is always given: something must go on.
    private const long NeededBytes = 768L << 20;
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(20);
    private readonly string _directory = FindDirectory();

    /// <summary>Waits for a slot; disposing gives it back.</summary>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            for (int slot = 0; slot < Environment.ProcessorCount && (slot == 0 || AvailableBytes() > NeededBytes); slot++)
            {
                if (TryLock(Path.Combine(_directory, FormattableString.Invariant($"local-{slot}.lock"))) is { } held)
                {
                    return held;
                }
            }

            await Task.Delay(s_poll, cancellationToken);
        }
    }

    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string FindDirectory()
    {
        if (OperatingSystem.IsWindows())
        {
            return Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), "repr")).FullName;
        }

        string directory = DoorAddress.RuntimeDirectory();
        DoorAddress.Secure(directory);
        return directory;
    }

    private static long AvailableBytes()
    {
        const string MemoryInfo = "/proc/meminfo"; // proc_meminfo(5)
        string? line = File.Exists(MemoryInfo)
            ? File.ReadLines(MemoryInfo).FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal))
            : null;
        return line is null ? long.MaxValue : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
    }
}
