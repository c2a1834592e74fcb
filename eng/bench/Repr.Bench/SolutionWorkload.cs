using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Repr.Bench.Peers;
using Repr.Testing;

namespace Repr.Bench;

/// <summary>
/// A solution of .NET in a copy of its own: the sample of the repository, or one of the user's. The user's is not changed; Repr is brought
/// in from outside, by properties of the command line.
/// </summary>
/// <param name="options">Where its files go, and which solution.</param>
/// <param name="directory">Where it is built.</param>
internal sealed partial class SolutionWorkload(BenchOptions options, string directory) : Workload
{
    // A compiler server of the bench's own: another one would be warmed, and burdened, by others.
    private readonly string _compilerServer = string.Create(CultureInfo.InvariantCulture, $"repr-bench-{Environment.ProcessId}");
    private string _file = Path.Combine(directory, "Depot.slnx");

    /// <inheritdoc/>
    public override string Key => options.Solution is null ? "csharp" : Path.GetFileNameWithoutExtension(options.Solution);

    /// <inheritdoc/>
    public override string Title => options.Solution is null ? "C# sample of the repository" : Path.GetFileName(options.Solution);

    /// <inheritdoc/>
    public override IReadOnlyList<Configuration> Configurations { get; } = Configuration.OfSolutions(options.Builds);

    /// <inheritdoc/>
    public override int Slots => Environment.ProcessorCount;

    /// <inheritdoc/>
    public override Checkout Checkout { get; } = new(directory);

    /// <summary>Where NuGet's packages of the sample are, and in any case Repr's.</summary>
    private string Packages => directory + ".packages";

    private string SdkPackage => Path.Combine(Packages, "repr.build.sdk");

    private string Injection => directory + ".props";

    /// <inheritdoc/>
    public override async Task PrepareAsync(ControlGroup group, CancellationToken cancellationToken)
    {
        foreach (string old in new[] { directory, SdkPackage }.Where(Directory.Exists))
        {
            Directory.Delete(old, recursive: true);
        }

        Directory.CreateDirectory(directory);
        if (options.Solution is null)
        {
            await CopyAsync(group, Path.Combine(options.Repository, "tests/assets/SampleSolution"), cancellationToken);
            await WriteFeedAsync(directory, cancellationToken);
        }
        else
        {
            string root = RootOf(options.Solution);
            await CopyAsync(group, root, cancellationToken);
            _file = Path.Combine(directory, Path.GetRelativePath(root, options.Solution));
            await WriteInjectionAsync(group, cancellationToken);
        }

        await RunAsync(group, directory, ["restore", _file, "-v:q", .. Injected()], cancellationToken);
        Checkout.Remember();
    }

    /// <inheritdoc/>
    public override ProcessStartInfo StartOf(ControlGroup group, Configuration configuration, Tool? tool, IReadOnlyList<string> prefix)
    {
        List<string> arguments =
        [
            "build", _file, "--no-restore", string.Create(CultureInfo.InvariantCulture, $"-m:{Environment.ProcessorCount}"), "-v:q", "-nodeReuse:false",
            "-clp:PerformanceSummary",
            $"-p:SharedCompilationId={_compilerServer}",
            "-p:EnableSourceControlManagerQueries=false", // a commit during the run would change every assembly's version
            .. options.Target is null ? [] : new[] { "-t:" + options.Target },
            .. Injected(),
            .. configuration.Properties.Select(property => "-p:" + property),
        ];
        if (tool is not null)
        {
            arguments.AddRange([$"-p:ReprEndpoint={tool.Environment["REPR_ENDPOINT"]}", $"-p:ReprBuildId={tool.Environment["REPR_BUILD_ID"]}"]);
        }

        string[] command = [.. prefix, "dotnet", .. arguments];
        ProcessStartInfo start = StartOf(group, command, directory);
        if (tool is not null)
        {
            start.Environment["REPR_RUNTIME_DIR"] = tool.Environment["REPR_RUNTIME_DIR"];
            start.Environment["REPR_CACHE_DIR"] = tool.Environment["REPR_CACHE_DIR"];
        }

        if (configuration.NodeLimitOffset > 0)
        {
            start.Environment["MSBUILDNODELIMITOFFSET"] = configuration.NodeLimitOffset.ToString(CultureInfo.InvariantCulture);
        }

        return start;
    }

    /// <inheritdoc/>
    public override bool IsCompared(string file) => Outputs.IsCompared(file);

    /// <summary>"     1234 ms  Csc      17 calls"; Vbc's and Fsc's are added.</summary>
    public override TimeSpan? TimeOfCompilers(string output) => CompilerTask().Matches(output) is { Count: > 0 } found
        ? TimeSpan.FromMilliseconds(found.Sum(task => int.Parse(task.Groups[1].ValueSpan, CultureInfo.InvariantCulture)))
        : null;

    [GeneratedRegex(@"^ *(\d+) ms +(?:Csc|Vbc|Fsc) +\d+ calls", RegexOptions.Multiline)]
    private static partial Regex CompilerTask();

    // The nearest directory upwards that is a repository; else that of the solution.
    private static string RootOf(string solution)
    {
        string nearest = Path.GetDirectoryName(Path.GetFullPath(solution))!;
        for (string? upwards = nearest; upwards is not null; upwards = Path.GetDirectoryName(upwards))
        {
            if (Path.Exists(Path.Combine(upwards, ".git")))
            {
                return upwards;
            }
        }

        return nearest;
    }

    // What Git knows or would add, without its history; all, where there is no Git.
    private async Task CopyAsync(ControlGroup group, string from, CancellationToken cancellationToken)
    {
        string list = Path.Exists(Path.Combine(from, ".git")) || options.Solution is null
            ? "git ls-files --cached --others --exclude-standard --deduplicate -z"
            : "find . -type f -print0 -o -type l -print0";
        ProcessStartInfo start = group.StartOf(
            "/bin/bash", ["-c", $"set -o pipefail; {list} | tar -C . --null --ignore-failed-read -T - -cf - | tar -C \"$0\" -xf -", directory]);
        start.WorkingDirectory = from;
        ChildProcess copy = await ChildProcess.RunAsync(start, cancellationToken);
        if (copy.ExitCode != 0)
        {
            throw new BenchException($"{from} can't be copied to {directory}:\n{copy.Output}");
        }
    }

    // The package of Repr is had by a project of its own: the user's sources of packages stay as they are.
    private async Task WriteInjectionAsync(ControlGroup group, CancellationToken cancellationToken)
    {
        string project = directory + ".repr";
        Directory.CreateDirectory(project);
        await WriteFeedAsync(project, cancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(project, "repr.proj"),
            """
            <Project>
              <Sdk Name="Repr.Build.Sdk" Version="0.1.0" />
              <Target Name="Build" />
            </Project>
            """,
            cancellationToken);
        await RunAsync(group, project, ["msbuild", "repr.proj", "-v:q"], cancellationToken);
        string sdk = Path.Combine(SdkPackage, "0.1.0/Sdk");
        await File.WriteAllTextAsync(
            Injection, $"<Project><Import Project=\"{sdk}/Sdk.props\" /><Import Project=\"{sdk}/Sdk.targets\" /></Project>\n", cancellationToken);
    }

    private string[] Injected() => options.Solution is null
        ? []
        : [$"-p:CustomAfterMicrosoftCommonProps={Injection}", $"-p:ReprSourceRoot={directory}"];

    private Task WriteFeedAsync(string where, CancellationToken cancellationToken) =>
        File.WriteAllTextAsync(Path.Combine(where, PackageFeed.FileName), PackageFeed.Settings(options.Feed, Packages), cancellationToken);

    private static async Task RunAsync(ControlGroup group, string where, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        ChildProcess run = await ChildProcess.RunAsync(StartOf(group, ["dotnet", .. arguments], where), cancellationToken);
        if (run.ExitCode != 0)
        {
            throw new BenchException($"`dotnet {string.Join(' ', arguments)}` failed in {where}:\n{run.Output}");
        }
    }

    private static ProcessStartInfo StartOf(ControlGroup group, string[] command, string where)
    {
        ProcessStartInfo start = group.StartOf(command[0], command[1..]);
        start.WorkingDirectory = where;
        foreach (string inherited in start.Environment.Keys
            .Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || name.StartsWith("REPR_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(inherited);
        }

        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        return start;
    }
}
