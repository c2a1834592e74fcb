using System.IO.Compression;
using System.Text;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;
using Repr.Testing;

namespace Repr.EndToEnd.Tests.Security;

/// <summary>Builds over TLS with tokens and client certificates; and where the token may not be.</summary>
public sealed class SecureBuildTests(PackedSdk sdk)
{
    private const string SecretVariable = "REPR_TESTS_FARM_TOKEN";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_build_over_TLS_with_a_token_is_that_of_this_machine_and_the_token_is_nowhere()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha", "Beta");
        using Farm farm = new(sdk);
        await using WorkerProcess worker = await project.StartSecureWorkerAsync("--config", farm.WorkerSettings);
        project.Environment["REPR_CONFIG"] = farm.RequesterSettings(worker, new { File = farm.TokenFile });
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        Task<(int Looks, string? Found)> watch = WatchProcessesAsync(farm.Token, over.Token);

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-bl:build.binlog", "-v:diagnostic");

        await over.CancelAsync();
        (int looks, string? found) = await watch;
        build.AssertIdentical();
        Assert.Equal(2, build.Remote);
        Assert.StartsWith("https://", worker.Address, StringComparison.Ordinal);
        Assert.Contains("who is ci", worker.Log, StringComparison.Ordinal);
        Assert.True(looks > 100, $"only {looks} processes were seen");
        Assert.Null(found);
        Assert.DoesNotContain(farm.Token, build.Run.Output, StringComparison.Ordinal);
        await worker.StopAsync(); // else there are sockets and pipes of compilers' servers among its files
        await AssertNowhereAsync(farm.Token, project.Directory, Path.GetDirectoryName(worker.Data)!);
        Assert.True(Holds(await UnpackAsync(Path.Combine(project.Directory, "build.binlog")), "ReprEndpoint"), "The binary log is not read as it should be.");
    }

    [Fact]
    public async Task A_build_over_TLS_with_a_client_certificate_is_that_of_this_machine()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha");
        using Farm farm = new(sdk);
        await using WorkerProcess worker = await project.StartSecureWorkerAsync("--config", farm.WorkerSettings);
        project.Environment["REPR_CONFIG"] = farm.CertificateSettings();

        RemoteBuild build = await project.BuildRemotelyAsync(worker);

        build.AssertIdentical();
        Assert.Equal(1, build.Remote);
        Assert.Contains("who is ci", worker.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tool_on_the_worker_does_not_see_the_token()
    {
        ExecProject project = new(sdk);
        using Farm farm = new(sdk);
        await using WorkerProcess worker = await WorkerProcess.StartAsync(
            project.Directory + "-worker", new Uri("https://127.0.0.1:0"), "--config", farm.WorkerSettings);
        string settings = farm.RequesterSettings(worker, new { Variable = SecretVariable });
        string here = project.Write("here.proj", ExecProject.OneTarget(
            """<Exec Command="env &gt; seen.txt; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline &gt;&gt; seen.txt; echo REMOTE=$$ &gt;&gt; seen.txt" ReprRemote="true" />"""));

        BuildRun build = await PackedSdk.RunAsync(
            project.Directory,
            ExecProject.Arguments(here, worker, "-p:ReprFallback=fail", "-bl:build.binlog"),
            new() { ["REPR_CONFIG"] = settings, [SecretVariable] = farm.Token });

        Assert.True(build.ExitCode == 0, build.Output);
        Assert.Contains("PATH=", project.Read("seen.txt"), StringComparison.Ordinal);
        await worker.StopAsync();
        await AssertNowhereAsync(farm.Token, project.Directory, project.Directory + "-worker");
    }

    [Fact]
    public async Task Repr_exec_does_too_and_reads_its_own_settings()
    {
        using Farm farm = new(sdk);
        await using WorkerProcess worker = await WorkerProcess.StartAsync(
            Path.Combine(sdk.NewDirectory(), "worker"), new Uri("https://127.0.0.1:0"), "--config", farm.WorkerSettings);
        await using Front front = new(worker.Address);
        string helper = farm.Write("helper.sh", $"#!/bin/sh\ncat '{farm.TokenFile}'\n");
        front.Environment["REPR_CONFIG"] = farm.RequesterSettings(worker, new { Command = "/bin/sh", Arguments = new[] { helper } }, "exec");
        front.Environment["OPEN_" + SecretVariable] = farm.Token;

        FrontRun run = await front.ExecAsync("--fail", "--", "sh", "-c", "env; cat /proc/self/environ; hostname");

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("PATH=", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(farm.Token, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("wrong token", "REPR1104", "does not let this requester in: The worker does not know the caller: the token is not in the worker's list")]
    [InlineData("no credential", "REPR1104", "no entry of section Credentials of the requester's settings file (REPR_CONFIG) is for this worker")]
    [InlineData("no file", "REPR1104", "cannot be used: Could not find file")]
    [InlineData("no scope", "REPR1105", "'ci' may not call '/repr.v1.Sessions/Connect' on this worker: that needs the scope 'execute', the caller has cas-read")]
    [InlineData("strange worker", "REPR1106", "There is no secure connection to the worker")]
    public async Task Who_is_not_let_in_builds_here_with_one_clear_line_or_fails_with_it(string what, string code, string why)
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha");
        using Farm farm = new(sdk);
        using TestAuthority stranger = new(Path.Combine(project.Directory, "..", "stranger"));
        await using WorkerProcess worker = await project.StartSecureWorkerAsync("--config", farm.WorkerSettings);
        object file = new { File = farm.TokenFile };
        project.Environment["REPR_CONFIG"] = what switch
        {
            "no credential" => farm.Write("requester.json", $$"""{ "Tls": { "CaFile": "{{farm.CaFile}}" } }"""),
            "no file" => farm.RequesterSettings(worker, new { File = farm.TokenFile + ".missing" }),
            "strange worker" => farm.RequesterSettings(worker, file, caFile: stranger.CaFile),
            _ => farm.RequesterSettings(worker, file),
        };
        if (what == "wrong token")
        {
            farm.Write("token", "guessed-" + new string('x', 20));
        }
        else if (what == "no scope")
        {
            farm.SetTokenScopes("cas-read");
        }

        RemoteBuild build = await project.BuildRemotelyAsync(worker);
        RemoteBuild strict = await project.BuildRemotelyAsync(worker, "-p:ReprFallback=fail");

        build.AssertIdentical();
        Assert.Equal(0, build.Remote);
        string line = Assert.Single(build.Run.Diagnostics, diagnostic => diagnostic.Contains("warning REPR", StringComparison.Ordinal));
        Assert.Contains("warning " + code, line, StringComparison.Ordinal);
        Assert.Contains(why, line, StringComparison.Ordinal);
        Assert.NotEqual(0, strict.Run.ExitCode);
        Assert.Equal(1, strict.Run.CountOf("error " + code));
        Assert.DoesNotContain(farm.Token, build.Run.Output + strict.Run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_that_is_renewed_is_used_by_the_same_requester_process()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha");
        using Farm farm = new(sdk);
        farm.Write("token", "not-yet-known-" + new string('x', 20));
        await using WorkerProcess worker = await project.StartSecureWorkerAsync("--config", farm.WorkerSettings);
        project.Environment["REPR_CONFIG"] = farm.RequesterSettings(worker, new { File = farm.TokenFile });
        Assert.Equal(0, (await project.BuildRemotelyAsync(worker)).Remote);

        farm.Write("token", farm.Token);
        await Task.Delay(TimeSpan.FromSeconds(4), Cancellation); // what was refused is not tried again at once
        RemoteBuild build = await project.BuildRemotelyAsync(worker);

        build.AssertIdentical();
        Assert.Equal(1, build.Remote);
    }

    // Every process of this machine, as long as the build runs.
    private static async Task<(int Looks, string? Found)> WatchProcessesAsync(string secret, CancellationToken cancellationToken)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(secret);
        int looks = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            foreach (string process in Directory.EnumerateDirectories("/proc").Where(static path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
            {
                foreach (string name in new[] { "cmdline", "environ" })
                {
                    try
                    {
                        looks++;
                        if (File.ReadAllBytes(Path.Combine(process, name)).AsSpan().IndexOf(bytes) >= 0)
                        {
                            return (looks, $"{process}/{name}");
                        }
                    }
                    catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                    {
                        // It has ended, or is another user's.
                    }
                }
            }

            await Task.Delay(20, CancellationToken.None);
        }

        return (looks, null);
    }

    // Logs, records, caches, sources, binary logs, stores: each file of both sides.
    private static async Task AssertNowhereAsync(string secret, params string[] directories)
    {
        EnumerationOptions all = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        foreach (string file in directories.SelectMany(directory => Directory.EnumerateFiles(directory, "*", all)))
        {
            byte[] content = file.EndsWith(".binlog", StringComparison.Ordinal) ? await UnpackAsync(file) : ReadIfFile(file);
            Assert.False(Holds(content, secret), file);
        }
    }

    private static byte[] ReadIfFile(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (IOException)
        {
            return []; // a socket, or gone
        }
    }

    private static bool Holds(byte[] content, string text) => content.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;

    private static async Task<byte[]> UnpackAsync(string file)
    {
        await using GZipStream unpacked = new(File.OpenRead(file), CompressionMode.Decompress);
        using MemoryStream content = new();
        await unpacked.CopyToAsync(content, Cancellation);
        return content.ToArray();
    }
}
