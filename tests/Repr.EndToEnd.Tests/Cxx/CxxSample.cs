using System.Diagnostics;
using System.Text.Json;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Cxx;

/// <summary>A copy of the C++ sample, built with one toolset.</summary>
internal sealed class CxxSample
{
    private readonly string _toolset;
    private int _builds;

    /// <summary>Copies the sample.</summary>
    public CxxSample(PackedSdk sdk, string toolset)
    {
        _toolset = toolset;
        Directory = sdk.NewDirectory();
        string assets = Path.Combine(Repository.Root, "tests/assets/CxxSample");
        foreach (string file in System.IO.Directory.EnumerateFiles(assets, "*", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal)))
        {
            string copy = Path.Combine(Directory, Path.GetRelativePath(assets, file));
            System.IO.Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        File.WriteAllText(Path.Combine(Directory, "Sample.slnx"), "<Solution />");
    }

    /// <summary>Where it is.</summary>
    public string Directory { get; }

    /// <summary>What is set for the builds, and for the requester process that one of them starts.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>Starts a worker whose files lie beside the sample.</summary>
    public Task<WorkerProcess> StartWorkerAsync() => WorkerProcess.StartAsync(Directory + "-worker");

    /// <summary>Builds the program and what it needs.</summary>
    public async Task<(BuildRun Run, IReadOnlyList<JsonElement> Records)> BuildAsync(WorkerProcess? worker, params string[] arguments)
    {
        string id = $"cxx-{++_builds}";
        BuildRun run = await PackedSdk.RunAsync(
            Directory,
            [
                "build", "app/app.vcxproj", "-nologo", "-m:2", "-tl:off", $"-p:ReprCxxToolset={_toolset}", $"-p:ReprBuildId={id}",
                .. worker is null ? [] : new[] { $"-p:ReprEndpoint={worker.Address}" },
                .. arguments,
            ],
            Environment);
        string record = Path.Combine(Environment.GetValueOrDefault("REPR_CACHE_DIR") ?? Path.Combine(Directory, "cache"), "records", id + ".jsonl");
        return (run, File.Exists(record) ? [.. File.ReadAllLines(record).Select(line => JsonDocument.Parse(line).RootElement)] : []);
    }

    /// <summary>
    /// What was built: objects, precompiled headers, libraries, programs, generated and dependency files. Not GCC's precompiled header:
    /// two runs of GCC on the same machine do not make the same bytes.
    /// </summary>
    /// <param name="withoutLinks">Not what stayed on the worker: to read it would fetch it.</param>
    public Dictionary<string, byte[]> Outputs(bool withoutLinks = false) => System.IO.Directory.EnumerateFiles(Directory, "*", SearchOption.AllDirectories)
        .Where(file => file.Contains("/obj/", StringComparison.Ordinal) || file.Contains("/bin/", StringComparison.Ordinal))
        .Where(file => !file.EndsWith(".command", StringComparison.Ordinal)) // holds the time
        .Where(file => _toolset != "gcc" || !file.EndsWith(".gch", StringComparison.Ordinal))
        .Where(file => !withoutLinks || new FileInfo(file).LinkTarget is null)
        .ToDictionary(file => Path.GetRelativePath(Directory, file), File.ReadAllBytes);

    /// <summary>Runs the program.</summary>
    public async Task<string> RunAsync()
    {
        using Process process = Process.Start(new ProcessStartInfo(Path.Combine(Directory, "app/bin/Debug/app")) { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return output;
    }
}
