using System.Diagnostics;
using System.Globalization;
using System.Text;
using Repr.Bench;
using Repr.Bench.Peers;

namespace Repr.Cases;

/// <summary>What one run of a case left: files, text, exit code.</summary>
/// <param name="Exit">Exit code of the script, or "time-out".</param>
/// <param name="Output">Its standard output.</param>
/// <param name="Error">Its standard error.</param>
/// <param name="Tree">The files.</param>
internal sealed record CaseRun(string Exit, string Output, string Error, FileTree Tree)
{
    /// <summary>Exit code of a case that this machine can't run; its output says why.</summary>
    public const string NotHere = "77";

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(3);

    /// <summary>Runs a case in an empty directory, the same one each time.</summary>
    /// <param name="options">Where.</param>
    /// <param name="group">Where its processes are counted.</param>
    /// <param name="measured">The case.</param>
    /// <param name="tool">How its commands are run; null: as they are.</param>
    /// <param name="cancellationToken">Kills it.</param>
    public static async Task<CaseRun> RunAsync(
        CasesOptions options, ControlGroup group, Case measured, Tool? tool, CancellationToken cancellationToken)
    {
        string directory = Path.Combine(options.Work, measured.Name);
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }

        Directory.CreateDirectory(Path.Combine(directory, "tree"));
        Directory.CreateDirectory(Path.Combine(directory, "outside"));
        string output = Path.Combine(options.State, "stdout");
        string error = Path.Combine(options.State, "stderr");
        string prelude = Path.Combine(options.Scripts, "prelude.sh");
        ProcessStartInfo start = group.StartOf(
            "timeout",
            [
                "-k", "5", Longest.TotalSeconds.ToString("F0", CultureInfo.InvariantCulture),
                "bash", "-eu", "-o", "pipefail", "-c", "exec </dev/null >\"$2\" 2>\"$3\"; . \"$0\"; . \"$1\"",
                prelude, measured.Script, output, error,
            ]);
        start.WorkingDirectory = Path.Combine(directory, "tree");
        Tool.SetEnvironment(start, tool);
        start.Environment["OUTSIDE"] = Path.Combine(directory, "outside");
        ChildProcess run = await ChildProcess.RunAsync(start, cancellationToken);
        return new CaseRun(
            run.ExitCode is 124 or 137 ? "time-out" : run.ExitCode.ToString(CultureInfo.InvariantCulture),
            await File.ReadAllTextAsync(output, Encoding.Latin1, cancellationToken),
            await File.ReadAllTextAsync(error, Encoding.Latin1, cancellationToken),
            await FileTree.ReadAsync(directory, cancellationToken));
    }

    /// <summary>What is not as expected.</summary>
    public IReadOnlyList<string> DifferencesFrom(CaseRun expected)
    {
        List<string> differences = [];
        if (Exit != expected.Exit)
        {
            differences.Add(Exit == "time-out" ? Exit : $"exit code {Exit} for {expected.Exit}");
        }

        if (Output != expected.Output)
        {
            differences.Add("stdout");
        }

        if (Error != expected.Error)
        {
            differences.Add("stderr");
        }

        differences.AddRange(Tree.DifferencesFrom(expected.Tree));
        return differences;
    }
}
