using System.CommandLine;
using System.Globalization;

namespace Repr.Bench;

/// <summary>What is measured.</summary>
internal enum Subject
{
    /// <summary>Builds, side by side.</summary>
    Builds,

    /// <summary>Single actions.</summary>
    Actions,

    /// <summary>The second build of the same sources, from another checkout on another machine.</summary>
    Elsewhere,

    /// <summary>Compilers inside a workspace and outside.</summary>
    Workspace,
}

/// <summary>The options of the command line.</summary>
internal static class CommandLine
{
    private const double LongestRoundTripMs = 10_000;

    /// <summary>Makes the command.</summary>
    /// <param name="run">Does what is asked; returns the exit code.</param>
    public static RootCommand Create(Func<Subject, BenchOptions, InvocationConfiguration, CancellationToken, Task<int>> run)
    {
        Option<string> repository = new("--repository") { Description = "The repository; run.sh says it.", Required = true };
        Option<int> rounds = new("--rounds") { Description = "How often each configuration is built.", DefaultValueFactory = _ => 3 };
        Option<string> rtt = new("--rtt") { Description = "Milliseconds of round trip to the workers, as in 0,0.5,5,20: all is measured at each.", DefaultValueFactory = _ => "0" };
        Option<string> workloads = new("--workloads")
        {
            Description = "What is built: csharp and cxx (samples of the repository), or source packages of Debian, as in csharp,cxx,lua5.4,yaml-cpp.",
            DefaultValueFactory = _ => "csharp",
        };
        Option<string> tools = new("--tools")
        {
            Description = "Which tools build C and C++ beside a local build.",
            DefaultValueFactory = _ => string.Join(',', BenchOptions.AllTools),
        };
        Option<string> builds = new("--builds")
        {
            Description = "In which ways C# is built; local is always among them.",
            DefaultValueFactory = _ => string.Join(',', BenchOptions.AllBuilds),
        };
        Option<FileInfo?> solution = new("--solution") { Description = "A solution or project of your own, in place of the workloads." };
        Option<string?> target = new("--target") { Description = "The target of it that is built." };
        Option<int> jobs = new("--jobs")
        {
            Description = "Compiles at the same time of C and C++ builds, locally and on workers.",
            DefaultValueFactory = _ => 2 * Environment.ProcessorCount,
        };
        Option<bool> keep = new("--keep") { Description = "Add the medians to eng/bench/history.jsonl." };
        Option<bool> actions = new("--actions") { Description = "Measure single actions whose tools cost nothing, instead of builds." };
        Option<bool> elsewhere = new("--elsewhere") { Description = "Measure the second build of the same sources, on another machine and from another checkout." };
        Option<bool> workspace = new("--workspace") { Description = "Measure compilers inside a workspace beside the same outside." };

        AddCheck(rounds, static value => value >= 1, "--rounds is at least 1.");
        AddCheck(jobs, static value => value is >= 1 and <= 1000, "--jobs is 1 to 1000.");
        AddCheck(rtt, static value => TryReadRoundTrips(value, out _), "--rtt is a list of 0 to 10000 milliseconds, as in 0,0.5,5,20.");
        AddCheck(workloads, static value => Split(value).All(IsWorkload), "--workloads is a list of csharp, cxx and names of source packages, as in csharp,lua5.4.");
        AddCheck(
            tools, static value => Split(value).All(BenchOptions.AllTools.Contains), $"--tools is a list of {string.Join(", ", BenchOptions.AllTools)}.");
        AddCheck(
            builds, static value => Split(value).All(BenchOptions.AllBuilds.Contains), $"--builds is a list of {string.Join(", ", BenchOptions.AllBuilds)}.");
        AddCheck(solution, static file => file is null || file.Exists, "--solution is the path of a file that is there.");
        RootCommand root = new("Measures builds with Repr beside local builds and beside other tools.")
        {
            repository, rounds, rtt, workloads, tools, builds, solution, target, jobs, keep, actions, elsewhere, workspace,
        };
        root.Validators.Add(result =>
        {
            if (new[] { actions, elsewhere, workspace }.Count(result.GetValue) > 1)
            {
                result.AddError("--actions, --elsewhere and --workspace are runs of their own.");
            }

            // Without the option there is no value yet.
            if (result.GetValue(elsewhere) && result.GetValue(builds) is { } some && !Split(some).Contains("remote-known"))
            {
                result.AddError("--elsewhere takes known results: leave --builds out.");
            }

            if (result.GetValue(target) is not null && result.GetValue(solution) is null)
            {
                result.AddError("--target needs --solution.");
            }
        });
        root.SetAction(async (parsed, cancellationToken) =>
        {
            TryReadRoundTrips(parsed.GetValue(rtt)!, out List<double> roundTrips);
            BenchOptions options = new()
            {
                Repository = Path.GetFullPath(parsed.GetRequiredValue(repository)),
                Rounds = parsed.GetValue(rounds),
                RoundTripsMs = roundTrips,
                Workloads = [.. Split(parsed.GetValue(workloads)!).Distinct()],
                Tools = [.. BenchOptions.AllTools.Intersect(Split(parsed.GetValue(tools)!))],
                Builds = [.. BenchOptions.AllBuilds.Intersect(Split(parsed.GetValue(builds)!))],
                Solution = parsed.GetValue(solution)?.FullName,
                Target = parsed.GetValue(target),
                Jobs = parsed.GetValue(jobs),
                Keep = parsed.GetValue(keep),
            };
            Subject subject = parsed.GetValue(actions) ? Subject.Actions
                : parsed.GetValue(elsewhere) ? Subject.Elsewhere
                : parsed.GetValue(workspace) ? Subject.Workspace
                : Subject.Builds;
            return await run(subject, options, parsed.InvocationConfiguration, cancellationToken);
        });
        return root;
    }

    private static void AddCheck<T>(Option<T> option, Func<T, bool> isGood, string message) => option.Validators.Add(result =>
    {
        if (!isGood(result.GetValueOrDefault<T>()!))
        {
            result.AddError(message);
        }
    });

    private static string[] Split(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    // A name of Debian's: it becomes a path.
    private static bool IsWorkload(string name) =>
        name.Length > 1 && char.IsAsciiLetterOrDigit(name[0]) && name.All(static letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter is '+' or '-' or '.');

    private static bool TryReadRoundTrips(string text, out List<double> roundTrips)
    {
        roundTrips = [];
        foreach (string word in Split(text))
        {
            if (!double.TryParse(word, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double milliseconds) || milliseconds > LongestRoundTripMs)
            {
                return false;
            }

            roundTrips.Add(milliseconds);
        }

        return roundTrips.Count > 0;
    }
}
