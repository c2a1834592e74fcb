using System.Globalization;
using System.Text;
using Repr.Bench;
using Repr.Testing;

namespace Repr.FarmTrial;

/// <summary>Something that is built again and again, and must come out the same.</summary>
internal interface ITrialBuild
{
    /// <summary>Builds it once without a farm: what every other build is compared to.</summary>
    Task PrepareAsync(CancellationToken cancellationToken);

    /// <summary>Builds it from nothing, through the farm.</summary>
    /// <returns>What is wrong with it; empty: nothing.</returns>
    Task<IReadOnlyList<string>> BuildAsync(string buildId, CancellationToken cancellationToken);
}

/// <summary>Forty sources of C with a header in common, four compiles at a time.</summary>
internal sealed class CBuild(TrialRequester requester) : ITrialBuild
{
    private const int Sources = 40;
    private const int AtATime = 4;

    private readonly Dictionary<string, byte[]> _expected = [];

    private string Folder => Path.Combine(requester.Folder, "c");

    /// <inheritdoc/>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Folder);
        await File.WriteAllTextAsync(Path.Combine(Folder, "common.h"), "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nstruct pair { int key; double value; };\n", cancellationToken);
        for (int source = 0; source < Sources; source++)
        {
            StringBuilder text = new("#include \"common.h\"\n");
            for (int function = 0; function < 20; function++)
            {
                text.Append(CultureInfo.InvariantCulture, $"int f{source}_{function}(struct pair *p, int n) {{ int s = {source}; for (int i = 0; i < n; i++) s += p[i].key * {function} + (int)p[i].value; return s; }}\n");
            }

            await File.WriteAllTextAsync(Path.Combine(Folder, Name(source) + ".c"), text.ToString(), cancellationToken);
            ChildProcess local = await ChildProcess.RunAsync(new System.Diagnostics.ProcessStartInfo("gcc", Arguments(source)) { WorkingDirectory = Folder }, cancellationToken);
            if (local.ExitCode != 0)
            {
                throw new BenchException($"gcc: {local.Output}");
            }

            _expected[Name(source)] = await File.ReadAllBytesAsync(ObjectOf(source), cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> BuildAsync(string buildId, CancellationToken cancellationToken)
    {
        foreach (string old in Directory.EnumerateFiles(Folder, "*.o"))
        {
            File.Delete(old);
        }

        List<string> problems = [];
        ParallelOptions options = new() { MaxDegreeOfParallelism = AtATime, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, Sources, options, async (source, token) =>
        {
            ChildProcess run = await ChildProcess.RunAsync(
                requester.StartOf(requester.Program, ["exec", "--no-stdin", "--build-id", buildId, "--", "gcc", .. Arguments(source)], Folder), token);
            string? problem = run.ExitCode != 0
                ? $"{Name(source)}: exit code {run.ExitCode}: {run.Output}"
                : !File.Exists(ObjectOf(source)) || !(await File.ReadAllBytesAsync(ObjectOf(source), token)).AsSpan().SequenceEqual(_expected[Name(source)])
                ? $"{Name(source)}.o is not what it is locally"
                : null;
            if (problem is not null)
            {
                lock (problems)
                {
                    problems.Add(problem);
                }
            }
        });
        return problems;
    }

    private string ObjectOf(int source) => Path.Combine(Folder, Name(source) + ".o");

    private static string Name(int source) => string.Create(CultureInfo.InvariantCulture, $"s{source:00}");

    private static string[] Arguments(int source) => ["-c", "-O1", Name(source) + ".c", "-o", Name(source) + ".o"];
}

/// <summary>The sample solution, by MSBuild with the packed SDK.</summary>
internal sealed class SolutionBuild(TrialOptions options, TrialRequester requester, string endpoint) : ITrialBuild
{
    private const string Solution = "Depot.slnx";

    private Outputs? _expected;

    private string Folder => Path.Combine(requester.Folder, "solution");

    /// <inheritdoc/>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        string assets = Path.Combine(options.Repository, "tests/assets/SampleSolution");
        foreach (string file in Directory.EnumerateFiles(assets, "*", SearchOption.AllDirectories)
            .Where(static file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal)))
        {
            string copy = Path.Combine(Folder, Path.GetRelativePath(assets, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        await File.WriteAllTextAsync(
            Path.Combine(Folder, PackageFeed.FileName), PackageFeed.Settings(options.Feed, Path.Combine(options.Artifacts, "packages")), cancellationToken);
        ChildProcess restore = await DotnetAsync(["restore", Solution, "-v:q"], cancellationToken);
        ChildProcess local = restore.ExitCode == 0 ? await DotnetAsync(BuildArguments, cancellationToken) : restore;
        if (local.ExitCode != 0)
        {
            throw new BenchException($"The sample can't be built locally in {Folder}:\n{local.Output}");
        }

        _expected = await Outputs.ReadAsync(Folder, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> BuildAsync(string buildId, CancellationToken cancellationToken)
    {
        Outputs.Clean(Folder);
        ChildProcess build = await DotnetAsync(
            [.. BuildArguments, $"-p:ReprEndpoint={endpoint}", "-p:ReprCache=off", $"-p:ReprBuildId={buildId}"], cancellationToken);
        return build.ExitCode == 0
            ? [.. (await Outputs.ReadAsync(Folder, cancellationToken)).DifferencesFrom(_expected!)]
            : [$"The build failed:\n{build.Output}"];
    }

    private static string[] BuildArguments =>
        ["build", Solution, "--no-restore", "-m:2", "-v:q", "-nodeReuse:false", "-p:UseSharedCompilation=false", "-p:EnableSourceControlManagerQueries=false"];

    private Task<ChildProcess> DotnetAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        ChildProcess.RunAsync(requester.StartOf("dotnet", arguments, Folder), cancellationToken);
}
