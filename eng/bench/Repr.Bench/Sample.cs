using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Repr.Bench;

/// <summary>The sample solution in a directory of its own, and how it is built there.</summary>
internal sealed partial class Sample
{
    private const string Solution = "Depot.slnx";

    // A compiler server of the bench's own: another one would be warmed, and burdened, by others.
    private readonly string _compilerServer = string.Create(CultureInfo.InvariantCulture, $"repr-bench-{Environment.ProcessId}");
    private readonly BenchOptions _options;
    private readonly ControlGroup _group;
    private readonly string _runtimeDirectory;

    /// <summary>Describes the sample; <see cref="PrepareAsync"/> makes it.</summary>
    /// <param name="options">Where its files go.</param>
    /// <param name="group">Where builds, the compiler server and the requester process run.</param>
    /// <param name="runtimeDirectory">Runtime directory of the requester process.</param>
    public Sample(BenchOptions options, ControlGroup group, string runtimeDirectory)
    {
        _options = options;
        _group = group;
        _runtimeDirectory = runtimeDirectory;
    }

    /// <summary>Where it is.</summary>
    public string Directory => Path.Combine(_options.Artifacts, "work");

    private string Packages => Path.Combine(_options.Artifacts, "packages");

    private string SdkPackage => Path.Combine(Packages, "repr.build.sdk");

    /// <summary>Copies the sources and restores the packages; another run's are replaced.</summary>
    /// <exception cref="BenchException">The restore fails.</exception>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        foreach (string old in new[] { Directory, SdkPackage }.Where(System.IO.Directory.Exists))
        {
            System.IO.Directory.Delete(old, recursive: true);
        }

        string assets = Path.Combine(_options.Repository, "tests/assets/SampleSolution");
        foreach (string file in System.IO.Directory.EnumerateFiles(assets, "*", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal)))
        {
            string copy = Path.Combine(Directory, Path.GetRelativePath(assets, file));
            System.IO.Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        await File.WriteAllTextAsync(
            Path.Combine(Directory, "nuget.config"),
            $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="bench" value="{_options.Feed}" />
                <add key="nuget.org" value="https://api.nuget.org/v3/index.json" />
              </packageSources>
              <config><add key="globalPackagesFolder" value="{Packages}" /></config>
            </configuration>
            """,
            cancellationToken);
        ChildProcess restore = await ChildProcess.RunAsync(StartOf(["restore", Solution, "-v:q"]), cancellationToken);
        if (restore.ExitCode != 0)
        {
            throw new BenchException($"The sample can't be restored in {Directory}:\n{restore.Output}");
        }
    }

    /// <summary>Builds it from nothing.</summary>
    /// <param name="configuration">How.</param>
    /// <param name="buildId">Name of the build record.</param>
    /// <param name="endpoint">The worker.</param>
    /// <param name="cancellationToken">Kills the build.</param>
    /// <returns>How long it took, and the time in all compiler tasks together as MSBuild counts it.</returns>
    /// <exception cref="BenchException">The build fails.</exception>
    public async Task<(TimeSpan Wall, TimeSpan Compiling)> BuildAsync(
        Configuration configuration, string buildId, string endpoint, CancellationToken cancellationToken)
    {
        Outputs.Clean(Directory);
        List<string> arguments =
        [
            "build", Solution, "--no-restore", "-m:2", "-v:q", "-nodeReuse:false", "-clp:PerformanceSummary",
            $"-p:SharedCompilationId={_compilerServer}",
            "-p:EnableSourceControlManagerQueries=false", // a commit during the run would change every assembly's version
            .. configuration.Properties.Select(property => "-p:" + property),
        ];
        if (configuration.IsRemote)
        {
            arguments.AddRange([$"-p:ReprEndpoint={endpoint}", $"-p:ReprBuildId={buildId}"]);
        }

        ProcessStartInfo start = StartOf(arguments);
        if (configuration.NodeLimitOffset > 0)
        {
            start.Environment["MSBUILDNODELIMITOFFSET"] = configuration.NodeLimitOffset.ToString(CultureInfo.InvariantCulture);
        }

        ChildProcess build = await ChildProcess.RunAsync(start, cancellationToken);
        return build.ExitCode == 0
            ? (build.Wall, TimeOfCompilers(build.Output))
            : throw new BenchException($"Build {buildId} failed:\n{build.Output}");
    }

    // "     1234 ms  Csc      17 calls"
    private static TimeSpan TimeOfCompilers(string output) => CompilerTask().Match(output) is { Success: true } found
        ? TimeSpan.FromMilliseconds(int.Parse(found.Groups[1].ValueSpan, CultureInfo.InvariantCulture))
        : throw new BenchException($"MSBuild does not say how long its tasks took:\n{output}");

    /// <summary>Ends the requester process and takes the compiler server's pipe away; that one ends with its control group.</summary>
    public async Task StopServersAsync()
    {
        File.Delete(Path.Combine("/tmp", _compilerServer)); // stays when the server is killed
        string? tool = System.IO.Directory.Exists(SdkPackage)
            ? System.IO.Directory.EnumerateFiles(SdkPackage, "repr.dll", SearchOption.AllDirectories).FirstOrDefault()
            : null;
        if (tool is not null)
        {
            await ChildProcess.RunAsync(StartOf([tool, "shutdown", "--force"]), CancellationToken.None);
        }
    }

    [GeneratedRegex(@"^ *(\d+) ms +Csc +\d+ calls", RegexOptions.Multiline)]
    private static partial Regex CompilerTask();

    private ProcessStartInfo StartOf(IEnumerable<string> arguments)
    {
        ProcessStartInfo start = _group.StartOf("dotnet", arguments);
        start.WorkingDirectory = Directory;
        foreach (string inherited in start.Environment.Keys
            .Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(inherited);
        }

        start.Environment["REPR_RUNTIME_DIR"] = _runtimeDirectory;
        start.Environment["REPR_CACHE_DIR"] = _options.Cache;
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        return start;
    }
}
