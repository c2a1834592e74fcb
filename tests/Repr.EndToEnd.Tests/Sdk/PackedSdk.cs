using System.Diagnostics;
using Repr.EndToEnd.Tests.Exec;
using Repr.Testing;

[assembly: AssemblyFixture(typeof(Repr.EndToEnd.Tests.Sdk.PackedSdk))]

namespace Repr.EndToEnd.Tests.Sdk;

/// <summary>The SDK package of this source tree in a feed of its own, and directories in which projects are built with it.</summary>
public sealed class PackedSdk : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("repr-sdk-").FullName;

    /// <summary>The version that is packed.</summary>
    public const string Version = "0.1.0";

    /// <summary>The feed.</summary>
    public string Feed => Path.Combine(_root, "feed");

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        BuildRun pack = await RunAsync(
            Repository.Root, ["pack", "sdk/Repr.Build.Sdk", "-c", Repository.Configuration, "-o", Feed, $"-p:Version={Version}"], []);
        Assert.True(pack.ExitCode == 0, pack.Output);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // The requester processes, which the builds have started, would stay for a quarter of an hour.
        await ProcessTable.EndAsync(_root);
        Directory.Delete(_root, recursive: true);
    }

    /// <summary>An empty directory with a nuget.config that knows the feed. Packages are shared between the tests of a run.</summary>
    public string NewDirectory()
    {
        string directory = Directory.CreateDirectory(Path.Combine(_root, Path.GetRandomFileName())).FullName;
        File.WriteAllText(Path.Combine(directory, PackageFeed.FileName), PackageFeed.Settings(Feed, Path.Combine(_root, "packages")));
        return directory;
    }

    /// <summary>The requester's program, as a project has restored it.</summary>
    public static string ToolOf(string directory) => Path.Combine(directory, $"../packages/repr.build.sdk/{Version}/tools/net10.0/repr.dll");

    /// <summary>Runs dotnet. The requester process, where one is started, keeps its files in the directory.</summary>
    public static async Task<BuildRun> RunAsync(string directory, IEnumerable<string> arguments, Dictionary<string, string> environment)
    {
        using Process process = Start(directory, arguments, environment);
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new BuildRun(process.ExitCode, output + await error);
    }

    /// <summary>Starts dotnet.</summary>
    public static Process Start(string directory, IEnumerable<string> arguments, Dictionary<string, string> environment)
    {
        ProcessStartInfo start = new("dotnet", arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["REPR_RUNTIME_DIR"] = Path.Combine(directory, "run");
        start.Environment["REPR_CACHE_DIR"] = Path.Combine(directory, "cache");
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        foreach (string inherited in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD_", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(inherited);
        }

        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }
}

/// <summary>What a run of dotnet said.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">Its text.</param>
public sealed record BuildRun(int ExitCode, string Output)
{
    /// <summary>Lines that are MSBuild warnings or errors, each once, sorted.</summary>
    public IReadOnlyList<string> Diagnostics =>
        [.. Output.Split('\n')
            .Select(line => line.Trim())
            .Where(line => line.Contains(": warning ", StringComparison.Ordinal) || line.Contains(": error ", StringComparison.Ordinal))
            .Distinct()
            .Order(StringComparer.Ordinal)];

    /// <summary>How often a text occurs among the diagnostics.</summary>
    public int CountOf(string text) => Diagnostics.Count(line => line.Contains(text, StringComparison.Ordinal));
}
