using System.Runtime.InteropServices;

namespace Repr.Bench;

/// <summary>What can be said of a machine without naming it.</summary>
/// <param name="Cores">Processors that this process may use.</param>
/// <param name="Processor">Its model; empty when the system does not say it.</param>
/// <param name="System">The operating system with its version.</param>
internal sealed record Machine(int Cores, string Processor, string System)
{
    /// <summary>This machine.</summary>
    public static Machine Describe()
    {
        string? model = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return new Machine(
            Environment.ProcessorCount, model is null ? "" : model[(model.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim(), KernelOf(RuntimeInformation.OSDescription));
    }

    // "Debian GNU/Linux 12 (bookworm)" or "Linux 6.1.0-13-amd64 #1 SMP ...": the build of a kernel may hold a name.
    private static string KernelOf(string description) => description.Split(" #")[0];
}
