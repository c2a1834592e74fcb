using System.Diagnostics;
using System.Text.Json;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Remote;

/// <summary>A build through a worker, and how it compares to the local one.</summary>
/// <param name="Run">What dotnet said.</param>
/// <param name="Records">The build record: one line per action.</param>
/// <param name="Local">Outputs of the local build, by path.</param>
/// <param name="Outputs">Outputs of this build, by path.</param>
internal sealed record RemoteBuild(
    BuildRun Run, IReadOnlyList<JsonElement> Records, Dictionary<string, byte[]> Local, Dictionary<string, byte[]> Outputs)
{
    /// <summary>Compiles that ran on a worker.</summary>
    public int Remote => Records.Count(record => record.GetProperty("outcome").GetString() == "remote");

    /// <summary>Compiles that were given back.</summary>
    public int NotRun => Records.Count - Remote;

    /// <summary>Files that were asked back, over all compiles.</summary>
    public int AskedBack => Records.Sum(record => record.GetProperty("asked_back").GetInt32());

    /// <summary>Blobs that were sent to the worker, over all compiles.</summary>
    public int Uploaded => Records.Sum(record => record.GetProperty("uploaded_files").GetInt32());

    /// <summary>Blobs that were put into the shared store instead, over all compiles.</summary>
    public int Shared => Records.Sum(record => record.GetProperty("shared_files").GetInt32());

    /// <summary>The build succeeded and every output has the bytes of the local build.</summary>
    public void AssertIdentical()
    {
        Assert.True(Run.ExitCode == 0, Run.Output);
        SmallProject.AssertSame(Local, Outputs);
    }

    /// <summary>There were so many actions, and each had its verdict from a worker.</summary>
    public void AssertAllRemote(int actions)
    {
        string records = string.Join('\n', Records);
        Assert.True(Remote == actions && NotRun == 0, $"{Remote} remote, {NotRun} not; {actions} expected\n{Run.Output}\n{records}");
    }
}

/// <summary>Projects that are built once locally and then again and again through a worker, in the same place.</summary>
internal sealed class RemoteProject
{
    private readonly Func<IEnumerable<string>, Dictionary<string, string>, Task<BuildRun>> _build;
    private readonly Dictionary<string, byte[]> _local;
    private int _builds;

    private RemoteProject(
        string directory, Func<IEnumerable<string>, Dictionary<string, string>, Task<BuildRun>> build, BuildRun local, TimeSpan localTime,
        Dictionary<string, byte[]> outputs)
    {
        Directory = directory;
        _build = build;
        Local = local;
        LocalTime = localTime;
        _local = outputs;
    }

    /// <summary>What is set for the builds through a worker, and for the requester process that the first one starts.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>Where the projects are.</summary>
    public string Directory { get; }

    /// <summary>The local build.</summary>
    public BuildRun Local { get; }

    /// <summary>How long the local build took.</summary>
    public TimeSpan LocalTime { get; }

    /// <summary>Libraries of one class each.</summary>
    public static async Task<RemoteProject> CreateAsync(PackedSdk sdk, params string[] names)
    {
        SmallProject project = new(sdk, names);
        return await CreateAsync(project.Directory, "Small.slnx");
    }

    /// <summary>The solution in a directory that has a nuget.config for the SDK.</summary>
    public static async Task<RemoteProject> CreateAsync(string directory, string solution)
    {
        Task<BuildRun> Build(IEnumerable<string> arguments, Dictionary<string, string> environment) =>
            PackedSdk.RunAsync(directory, ["build", solution, "-nologo", .. arguments], environment);
        long start = Stopwatch.GetTimestamp();
        BuildRun local = await Build(["-m:2"], []);
        return new RemoteProject(directory, Build, local, Stopwatch.GetElapsedTime(start), SmallProject.OutputsOf(directory));
    }

    /// <summary>The same projects and their local build, for a requester that knows nothing yet and whose files are in a directory.</summary>
    public RemoteProject ForRequester(string directory)
    {
        RemoteProject project = new(Directory, _build, Local, LocalTime, _local);
        project.Environment["REPR_RUNTIME_DIR"] = Path.Combine(directory, "run");
        project.Environment["REPR_CACHE_DIR"] = Path.Combine(directory, "cache");
        return project;
    }

    /// <summary>Starts a worker for this project.</summary>
    public Task<WorkerProcess> StartWorkerAsync(params string[] arguments) =>
        WorkerProcess.StartAsync(Path.Combine(Directory, "..", Path.GetFileName(Directory) + "-worker"), arguments);

    /// <summary>Starts a worker for this project that listens with TLS.</summary>
    public Task<WorkerProcess> StartSecureWorkerAsync(params string[] arguments) => WorkerProcess.StartAsync(
        Path.Combine(Directory, "..", Path.GetFileName(Directory) + "-worker"), new Uri("https://127.0.0.1:0"), arguments);

    /// <summary>Cleans and builds through the worker.</summary>
    public Task<RemoteBuild> BuildRemotelyAsync(WorkerProcess worker, params string[] arguments)
    {
        SmallProject.CleanOutputs(Directory);
        return BuildWithoutCleaningAsync(worker, arguments);
    }

    /// <summary>Builds through the worker what is not up to date.</summary>
    public Task<RemoteBuild> BuildWithoutCleaningAsync(WorkerProcess worker, params string[] arguments) => BuildThroughAsync(worker.Address, arguments);

    /// <summary>Cleans and builds through whoever is found.</summary>
    public Task<RemoteBuild> BuildOnFoundWorkersAsync(params string[] arguments)
    {
        SmallProject.CleanOutputs(Directory);
        return BuildThroughAsync("repr://discover", arguments);
    }

    /// <summary>Builds through what listens at an address what is not up to date.</summary>
    public Task<RemoteBuild> BuildAtAsync(string address, params string[] arguments) => BuildThroughAsync(address, arguments);

    private async Task<RemoteBuild> BuildThroughAsync(string endpoint, string[] arguments)
    {
        string id = $"build-{++_builds}";
        BuildRun run = await _build(["-m:2", $"-p:ReprEndpoint={endpoint}", $"-p:ReprBuildId={id}", .. arguments], Environment);
        string cache = Environment.GetValueOrDefault("REPR_CACHE_DIR") ?? Path.Combine(Directory, "cache");
        string record = Path.Combine(cache, "records", id + ".jsonl");
        IReadOnlyList<JsonElement> records = File.Exists(record)
            ? [.. File.ReadAllLines(record).Select(line => JsonDocument.Parse(line).RootElement)]
            : [];
        return new RemoteBuild(run, records, _local, SmallProject.OutputsOf(Directory));
    }
}
