using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Repr.Server.Tests.Services;

/// <summary>
/// Bazel, as its users have it, with a workspace and a server of its own. Disposing it ends the server and removes all that it made.
/// </summary>
internal sealed partial class Bazel : IAsyncDisposable
{
    private readonly string _program;
    private readonly string _root = Directory.CreateTempSubdirectory("repr-bazel-").FullName;
    private readonly string[] _options;

    private Bazel(string program, string[] options)
    {
        _program = program;
        _options = options;
        Workspace = Directory.CreateDirectory(Path.Combine(_root, "workspace")).FullName;
    }

    public string Workspace { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Skips the test where there is no Bazel.</summary>
    /// <param name="options">For each build and test.</param>
    public static Bazel Create(params string[] options)
    {
        string? program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(directory => Path.Combine(directory, "bazel")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(program is null, "Bazel is not installed (Debian: bazel-bootstrap).");
        return new Bazel(program!, options);
    }

    /// <summary>Runs a command and returns what it says; fails the test when it fails.</summary>
    public async Task<string> RunAsync(string command, params string[] arguments)
    {
        (int code, string said) = await TryRunAsync(command, arguments);
        Assert.True(code == 0, $"bazel {command} {string.Join(' ', arguments)} ended with {code}: {said}");
        return said;
    }

    /// <summary>Runs a command and returns how it ended and what it says.</summary>
    public Task<(int Code, string Said)> TryRunAsync(string command, params string[] arguments) =>
        StartAsync(command is "build" or "test" ? [command, "--nosandbox_debug", .. _options, .. arguments] : [command, .. arguments], Cancellation);

    /// <summary>Builds without the worker.</summary>
    public async Task BuildHereAsync(params string[] arguments)
    {
        (int code, string said) = await StartAsync(["build", "--nosandbox_debug", .. arguments], Cancellation);
        Assert.True(code == 0, said);
    }

    /// <summary>Files that were built, by their path in bazel-bin.</summary>
    /// <param name="ending">What their names end with.</param>
    public Dictionary<string, byte[]> Outputs(string ending = "")
    {
        string directory = Path.Combine(Workspace, "bazel-bin");
        return Directory.Exists(directory)
            ? Directory.GetFiles(directory, "*" + ending, SearchOption.AllDirectories)
                .Where(file => !file.Contains(".runfiles", StringComparison.Ordinal)) // names of this machine
                .ToDictionary(file => Path.GetRelativePath(directory, file), File.ReadAllBytes, StringComparer.Ordinal)
            : [];
    }

    /// <summary>The summary of how processes were run, without the internal ones: "5 processes: 1 internal, 4 remote." is remote: 4.</summary>
    public static Dictionary<string, int> Processes(string said)
    {
        Match summary = SummaryPattern().Match(said);
        Assert.True(summary.Success, said);
        return summary.Groups[1].Value.Split(", ")
            .Select(part => part.Split(' ', 2))
            .Where(part => part[1] != "internal")
            .ToDictionary(part => part[1], part => int.Parse(part[0], CultureInfo.InvariantCulture), StringComparer.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await StartAsync(["shutdown"], CancellationToken.None);

        // Bazel makes directories that can't be written.
        using Process process = Process.Start("/bin/sh", ["-c", $"chmod -R u+w '{_root}'; rm -rf '{_root}'"]);
        await process.WaitForExitAsync(CancellationToken.None);
    }

    private async Task<(int Code, string Said)> StartAsync(IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(_program, [$"--output_user_root={_root}/output", .. arguments])
        {
            WorkingDirectory = Workspace,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        string said = await process.StandardError.ReadToEndAsync(cancellationToken) + await output;
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, said);
    }

    [GeneratedRegex(@"\d+ process(?:es)?: ([^.]+)\.")]
    private static partial Regex SummaryPattern();
}
