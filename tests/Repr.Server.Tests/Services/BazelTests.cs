using System.Diagnostics;
using System.Globalization;
using System.Text;
using Repr.Server.Tests.Sessions;

namespace Repr.Server.Tests.Services;

/// <summary>A client that others wrote: Bazel, with the worker as its remote cache.</summary>
public sealed class BazelTests(WorkerFixture worker) : IClassFixture<WorkerFixture>
{
    private const int Rules = 10;
    private const int LargeBytes = 12_000_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bazel_finds_all_that_it_built_in_the_workers_store()
    {
        Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
        string? bazel = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(directory => Path.Combine(directory, "bazel")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(bazel is null, "Bazel is not installed (Debian: bazel-bootstrap).");
        string root = Directory.CreateTempSubdirectory("repr-bazel-").FullName;
        Bazel client = new(bazel!, root, $"--remote_cache=grpc://{new Uri(worker.Address).Authority}");
        try
        {
            WriteWorkspace(client.Workspace);
            string first = await client.RunAsync("build", "--nosandbox_debug", client.Cache, "//...");
            Dictionary<string, byte[]> built = client.Outputs();
            await client.RunAsync("clean");
            Assert.Empty(client.Outputs());
            string second = await client.RunAsync("build", "--nosandbox_debug", client.Cache, "//...");

            // Bazel counts an internal action as well.
            Assert.DoesNotContain("remote cache hit", first, StringComparison.Ordinal);
            Assert.Contains($"{Rules + 1} processes: {Rules} remote cache hit, 1 internal.", second, StringComparison.Ordinal);
            Assert.Equal(Rules, built.Count);
            Assert.Equal(LargeBytes, built["large.out"].Length);
            Assert.Equal(built, client.Outputs());
        }
        finally
        {
            await client.RunAsync("shutdown");
            await Bazel.DeleteAsync(root);
        }
    }

    private static void WriteWorkspace(string workspace)
    {
        StringBuilder build = new();
        for (int i = 1; i < Rules; i++)
        {
            File.WriteAllText(Path.Combine(workspace, $"{i}.txt"), string.Create(CultureInfo.InvariantCulture, $"input {i} of {Guid.NewGuid()}\n"));
            build.AppendLine(
                CultureInfo.InvariantCulture,
                $"""genrule(name = "r{i}", srcs = ["{i}.txt"], outs = ["{i}.out"], cmd = "cat $(location {i}.txt) $(location {i}.txt) > $@")""");
        }

        build.AppendLine(
            CultureInfo.InvariantCulture,
            $"""genrule(name = "large", outs = ["large.out"], cmd = "head -c {LargeBytes} /dev/urandom > $@")""");
        File.WriteAllText(Path.Combine(workspace, "BUILD"), build.ToString());
        File.WriteAllText(Path.Combine(workspace, "WORKSPACE"), "");
    }

    private sealed class Bazel(string program, string root, string cache)
    {
        public string Workspace { get; } = Directory.CreateDirectory(Path.Combine(root, "workspace")).FullName;

        public string Cache { get; } = cache;

        /// <summary>Runs a command and returns what it says; fails the test when it fails.</summary>
        public async Task<string> RunAsync(params string[] arguments)
        {
            ProcessStartInfo start = new(program, [$"--output_user_root={root}/output", .. arguments])
            {
                WorkingDirectory = Workspace,
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            };
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(Cancellation);
            string said = await process.StandardError.ReadToEndAsync(Cancellation) + await output;
            await process.WaitForExitAsync(Cancellation);
            Assert.True(process.ExitCode == 0, $"bazel {string.Join(' ', arguments)} ended with {process.ExitCode}: {said}");
            return said;
        }

        public Dictionary<string, byte[]> Outputs()
        {
            string directory = Path.Combine(Workspace, "bazel-bin");
            return Directory.Exists(directory)
                ? Directory.GetFiles(directory, "*.out").ToDictionary(file => Path.GetFileName(file)!, File.ReadAllBytes, StringComparer.Ordinal)
                : [];
        }

        // Bazel makes directories that can't be written.
        public static async Task DeleteAsync(string directory)
        {
            using Process process = Process.Start("/bin/sh", ["-c", $"chmod -R u+w '{directory}'; rm -rf '{directory}'"]);
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }
}
