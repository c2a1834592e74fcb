using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Repr.EndToEnd.Tests.Exec;

/// <summary>What a run of the front left.</summary>
/// <param name="ExitCode">Its exit code; 128 + number for a signal.</param>
/// <param name="Bytes">Its standard output.</param>
/// <param name="Error">Its standard error.</param>
internal sealed record FrontRun(int ExitCode, byte[] Bytes, string Error)
{
    /// <summary>Its standard output as text.</summary>
    public string Output => Encoding.UTF8.GetString(Bytes);
}

/// <summary>
/// The program <c>repr</c> as it was built, as a process, in a directory of its own. The requester process that it starts is ended with it.
/// </summary>
internal sealed class Front : IAsyncDisposable
{
    private readonly string _root = System.IO.Directory.CreateTempSubdirectory("repr-exec-").FullName;

    /// <summary>Makes the directory.</summary>
    /// <param name="endpoint">The worker; null for none.</param>
    /// <param name="withoutProduct">A copy of the front alone, for a door that the test opens.</param>
    public Front(string? endpoint, bool withoutProduct = false)
    {
        Directory = System.IO.Directory.CreateDirectory(Path.Combine(_root, "work")).FullName;
        string built = Path.Combine(Repository.Product, "repr");
        Program = withoutProduct ? Path.Combine(_root, "repr") : built;
        if (withoutProduct)
        {
            File.Copy(built, Program);
        }

        Environment["REPR_RUNTIME_DIR"] = RuntimeDirectory;
        Environment["REPR_CACHE_DIR"] = Path.Combine(_root, "cache");
        if (endpoint is not null)
        {
            Environment["REPR_ENDPOINT"] = endpoint;
        }
    }

    /// <summary>The program.</summary>
    public string Program { get; }

    /// <summary>Where commands run.</summary>
    public string Directory { get; init; }

    /// <summary>Where the door is.</summary>
    public string RuntimeDirectory => Path.Combine(_root, "run");

    /// <summary>Where the repr.dll of a copied front would be.</summary>
    public string ToolPath => Path.Combine(_root, "repr.dll");

    /// <summary>What is set beyond this process's environment.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>A path in the directory.</summary>
    public string PathOf(string name) => Path.Combine(Directory, name);

    /// <summary>Runs <c>repr exec</c> with these arguments, without input.</summary>
    public Task<FrontRun> ExecAsync(params string[] arguments) => ExecAsync([], arguments);

    /// <summary>Runs <c>repr exec</c> with these arguments and this input.</summary>
    public Task<FrontRun> ExecAsync(byte[] input, params string[] arguments) => RunAsync(input, Program, ["exec", .. arguments]);

    /// <summary>Runs a program without a worker.</summary>
    public Task<FrontRun> RunHereAsync(string program, params string[] arguments) => RunAsync([], program, arguments);

    /// <summary>The build record that this id names: one line for each action.</summary>
    public IReadOnlyList<JsonElement> RecordsOf(string buildId) =>
        [.. File.ReadAllLines(Path.Combine(_root, "cache/records", buildId + ".jsonl")).Select(static line => JsonDocument.Parse(line).RootElement)];

    /// <summary>Runs a shell script in which <c>$repr</c> is the program.</summary>
    public Task<FrontRun> ScriptAsync(string script, byte[]? input = null) => RunAsync(input ?? [], "/bin/sh", ["-c", $"repr='{Program}'; {script}"]);

    /// <summary>Starts a program.</summary>
    public Process Start(string program, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = Directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in Environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await ProcessTable.EndAsync(RuntimeDirectory);
        System.IO.Directory.Delete(_root, recursive: true);
    }

    private async Task<FrontRun> RunAsync(byte[] input, string program, IEnumerable<string> arguments)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using Process process = Start(program, arguments);
        using MemoryStream output = new();
        Task reading = process.StandardOutput.BaseStream.CopyToAsync(output, cancellation);
        Task<string> error = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(input, cancellation);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It reads no input, or no more.
        }

        await reading;
        await process.WaitForExitAsync(cancellation);
        return new FrontRun(process.ExitCode, output.ToArray(), await error);
    }
}
