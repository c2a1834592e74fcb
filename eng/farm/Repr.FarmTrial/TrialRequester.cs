using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Repr.Bench;

namespace Repr.FarmTrial;

/// <summary>Somebody who builds: a requester process, cache and project of its own. Disposing it ends the process.</summary>
internal sealed class TrialRequester : IAsyncDisposable
{
    private readonly TrialOptions _options;
    private readonly string _endpoint;
    private readonly string _runtime = Directory.CreateTempSubdirectory("repr-trial-").FullName;

    /// <summary>Makes one; nothing is started.</summary>
    public TrialRequester(TrialOptions options, string endpoint, int number)
    {
        _options = options;
        _endpoint = endpoint;
        Project = string.Create(CultureInfo.InvariantCulture, $"p{number}");
        Folder = Path.Combine(options.Artifacts, "run", Project);
        Directory.CreateDirectory(Folder);
        File.WriteAllText(
            Path.Combine(Folder, "requester.json"),
            JsonSerializer.Serialize(new { Farm = new { Project, Batch = false, ActionBytes = 64 << 20 } }));
    }

    /// <summary>The program that runs commands through the farm.</summary>
    public string Program => _options.Program;

    /// <summary>Its name in the farm's shares.</summary>
    public string Project { get; }

    /// <summary>Where it works.</summary>
    public string Folder { get; }

    /// <summary>The user as whom all of them ask.</summary>
    public static string User => $"{Environment.UserName}@{Environment.MachineName}";

    /// <summary>Runs a command through the farm; what can't run there runs here.</summary>
    public Task<ChildProcess> ExecAsync(string buildId, IEnumerable<string> command, CancellationToken cancellationToken) =>
        ChildProcess.RunAsync(StartOf(_options.Program, ["exec", "--no-stdin", "--build-id", buildId, "--", .. command], Folder), cancellationToken);

    /// <summary>How a program is started whose actions are this requester's.</summary>
    public ProcessStartInfo StartOf(string program, IEnumerable<string> arguments, string directory)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = directory };
        foreach (string inherited in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(inherited);
        }

        start.Environment["REPR_ENDPOINT"] = _endpoint;
        start.Environment["REPR_RUNTIME_DIR"] = _runtime;
        start.Environment["REPR_CACHE_DIR"] = Path.Combine(Folder, "cache");
        start.Environment["REPR_CONFIG"] = Path.Combine(Folder, "requester.json");
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        return start;
    }

    /// <summary>How the actions of a build ended: "remote", "local" and so on, each with how often.</summary>
    public IReadOnlyDictionary<string, int> OutcomesOf(string buildId)
    {
        string file = Path.Combine(Folder, "cache/records", buildId + ".jsonl");
        return (File.Exists(file) ? File.ReadLines(file) : [])
            .Select(static line => JsonSerializer.Deserialize<JsonElement>(line).GetProperty("outcome").GetString()!)
            .CountBy(static outcome => outcome)
            .ToDictionary();
    }

    /// <summary>Processor time of its requester processes so far.</summary>
    public TimeSpan Used() => FindProcesses().Aggregate(TimeSpan.Zero, static (sum, process) => sum + process.TotalProcessorTime);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await ChildProcess.RunAsync(StartOf(_options.Program, ["shutdown", "--force"], Folder), CancellationToken.None);
        foreach (Process left in FindProcesses())
        {
            left.Kill();
            await left.WaitForExitAsync(CancellationToken.None);
        }

        Directory.Delete(_runtime, recursive: true);
    }

    // One for each build of the program: the SDK brings its own.
    private Process[] FindProcesses() => [.. Process.GetProcesses().Where(process =>
        process.ProcessName is "repr-host" or "repr" or "dotnet" && ReadEnvironment(process).Contains("REPR_RUNTIME_DIR=" + _runtime, StringComparison.Ordinal))];

    private static string ReadEnvironment(Process process)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Id}/environ"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
