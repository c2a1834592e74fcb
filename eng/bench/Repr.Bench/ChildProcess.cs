using System.Diagnostics;

namespace Repr.Bench;

/// <summary>What a program said and how it ended.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">Its text: standard output, then standard error.</param>
/// <param name="Wall">How long it took.</param>
internal sealed record ChildProcess(int ExitCode, string Output, TimeSpan Wall)
{
    /// <summary>Runs a program to its end. A cancelled one is killed with its children.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">It can't be started.</exception>
    public static async Task<ChildProcess> RunAsync(ProcessStartInfo start, CancellationToken cancellationToken)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        long began = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync(cancellationToken);
            string output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            TimeSpan wall = Stopwatch.GetElapsedTime(began);
            return new ChildProcess(process.ExitCode, output + await error, wall);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">It can't be started.</exception>
    public static Task<ChildProcess> RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        RunAsync(new ProcessStartInfo(program, arguments), cancellationToken);
}
