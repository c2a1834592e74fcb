using System.Diagnostics;

namespace Repr.Security.Tests;

/// <summary>
/// A client that others wrote: Bazel, with a token, with the worker as its remote cache. Not over TLS: Debian's Bazel has no library for
/// it that knows ALPN.
/// </summary>
public sealed class BazelTests
{
    private const string Token = "a-token-for-bazel-0000000";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bazel_uses_the_store_with_a_token_and_is_told_why_without()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/bazel"), "Bazel is not installed (Debian: bazel-bootstrap).");
        using SecureDirectory directory = new();
        string workspace = Directory.CreateDirectory(Path.Combine(directory.Path, "workspace")).FullName;
        await File.WriteAllTextAsync(Path.Combine(workspace, "WORKSPACE"), "", Cancellation);
        await File.WriteAllTextAsync(
            Path.Combine(workspace, "BUILD"), $"""genrule(name = "r", outs = ["r.out"], cmd = "echo {Guid.NewGuid()} > $@")""", Cancellation);
        string list = directory.Write("tokens", $"bazel cas-read,cas-write {Token}");
        await using SecureWorker worker = await SecureWorker.StartAsync(
            directory.Path,
            directory.Authority,
            new { Authentication = new[] { new { Plugin = "token", Options = new { File = list } } } },
            "http://127.0.0.1:0");
        string[] build =
        [
            "build", "//:r", $"--remote_cache=grpc://{new Uri(worker.Address).Authority}",
        ];
        string[] token = [$"--remote_header=authorization=Bearer {Token}"];
        try
        {
            (_, string stranger) = await RunAsync(build);
            Assert.True(stranger.Contains("The worker does not know the caller", StringComparison.Ordinal), stranger);
            await RunAsync("clean", "--expunge");

            (int code, string first) = await RunAsync([.. build, .. token]);
            Assert.True(code == 0, $"{code}: {first}");
            await RunAsync("clean");
            (code, string second) = await RunAsync([.. build, .. token]);
            Assert.True(code == 0, $"{code}: {second}");
            Assert.Contains("1 remote cache hit", second, StringComparison.Ordinal);
        }
        finally
        {
            await RunAsync("shutdown");
            using Process process = Process.Start("/bin/chmod", ["-R", "u+w", directory.Path]); // Bazel makes directories that can't be written
            await process.WaitForExitAsync(CancellationToken.None);
        }

        async Task<(int ExitCode, string Said)> RunAsync(params string[] arguments)
        {
            using Process process = Process.Start(new ProcessStartInfo("/usr/bin/bazel", [$"--output_user_root={directory.Path}/output", .. arguments])
            {
                WorkingDirectory = workspace,
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            })!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            string said = await process.StandardError.ReadToEndAsync(CancellationToken.None) + await output;
            await process.WaitForExitAsync(CancellationToken.None);
            return (process.ExitCode, said);
        }
    }
}
