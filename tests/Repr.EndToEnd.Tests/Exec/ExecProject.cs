using System.Text.Json;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Exec;

/// <summary>A project of targets and Exec calls alone, in a directory of its own: no compiler, no restore.</summary>
internal sealed class ExecProject(PackedSdk sdk)
{
    /// <summary>Where it is.</summary>
    public string Directory { get; } = sdk.NewDirectory();

    /// <summary>The Sdk element.</summary>
    public static string SdkElement => $"""<Sdk Name="Repr.Build.Sdk" Version="{PackedSdk.Version}" />""";

    /// <summary>A project with the SDK and one target.</summary>
    public static string OneTarget(string body, string items = "") =>
        $"<Project>{SdkElement}{items}<Target Name=\"Build\">{body}</Target></Project>";

    /// <summary>Writes a file and returns its path.</summary>
    public string Write(string path, string content)
    {
        string full = Path.Combine(Directory, path);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, content);
        return full;
    }

    /// <summary>Reads a file of the project.</summary>
    public string Read(string path) => File.ReadAllText(Path.Combine(Directory, path));

    /// <summary>True when there is a file or directory.</summary>
    public bool Has(string path) => Path.Exists(Path.Combine(Directory, path));

    /// <summary>Starts a worker whose files lie beside the project.</summary>
    public Task<WorkerProcess> StartWorkerAsync(params string[] arguments) => WorkerProcess.StartAsync(Directory + "-worker", arguments);

    /// <summary>The arguments of a build; without a worker a local one.</summary>
    public static string[] Arguments(string project, WorkerProcess? worker, params string[] arguments) =>
    [
        "msbuild", project, "-nologo", "-m:1", "-v:minimal", "-tl:off", "-p:ReprBuildId=exec",
        .. worker is null ? [] : new[] { $"-p:ReprEndpoint={worker.Address}" },
        .. arguments,
    ];

    /// <summary>Builds.</summary>
    public Task<BuildRun> BuildAsync(string project, WorkerProcess? worker, params string[] arguments) =>
        PackedSdk.RunAsync(Directory, Arguments(project, worker, arguments), []);

    /// <summary>Lines of the build record: one for each action.</summary>
    public IReadOnlyList<JsonElement> Records()
    {
        string record = Path.Combine(Directory, "cache", "records", "exec.jsonl");
        return File.Exists(record) ? [.. File.ReadAllLines(record).Select(line => JsonDocument.Parse(line).RootElement)] : [];
    }
}
