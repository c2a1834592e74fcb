using System.Globalization;

namespace Repr.Server.Scheduling;

/// <summary>Memory of this machine.</summary>
internal static class MachineMemory
{
    /// <summary>Bytes that programs can have now (proc_meminfo(5), MemAvailable), within the bound of this process's control group; 0: not known.</summary>
    public static long AvailableBytes()
    {
        const string MemInfo = "/proc/meminfo";
        if (!File.Exists(MemInfo))
        {
            return 0;
        }

        string? line = File.ReadLines(MemInfo).FirstOrDefault(static line => line.StartsWith("MemAvailable:", StringComparison.Ordinal));
        return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, string kilobytes, ..]
            ? Math.Min(long.Parse(kilobytes, CultureInfo.InvariantCulture) << 10, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)
            : 0;
    }
}
