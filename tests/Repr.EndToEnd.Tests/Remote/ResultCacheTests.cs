using System.Text.Json;
using Repr.EndToEnd.Tests.Cxx;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Remote;

/// <summary>Builds whose compiles a worker knows already: no compiler runs, and nobody can tell.</summary>
public sealed class ResultCacheTests(PackedSdk sdk)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_second_clean_build_runs_no_compiler()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "One", "Two", "Three");
        await using WorkerProcess worker = await project.StartWorkerAsync();
        RemoteBuild first = await project.BuildRemotelyAsync(worker);
        first.AssertIdentical();
        AssertCached(3, 0, first);
        Assert.Equal(3, Runs(worker));

        // Everything is known: the same bytes, the same warnings.
        RemoteBuild second = await project.BuildRemotelyAsync(worker);
        second.AssertIdentical();
        AssertCached(3, 3, second);
        Assert.Equal(3, Runs(worker));
        Assert.NotEmpty(first.Run.Diagnostics);
        Assert.Equal(first.Run.Diagnostics, second.Run.Diagnostics);

        // A comment in one file: what is made of it, and nothing else.
        string source = Path.Combine(project.Directory, "Two/Two.cs");
        string original = await File.ReadAllTextAsync(source, Token);
        await File.WriteAllTextAsync(source, original + "// A comment.\n", Token);
        RemoteBuild edited = await project.BuildRemotelyAsync(worker);
        Assert.True(edited.Run.ExitCode == 0, edited.Run.Output);
        Assert.Equal(2, Cached(edited));
        JsonElement missed = Assert.Single(edited.Records, record => !IsCached(record));
        Assert.Equal("Csc Two", missed.GetProperty("description").GetString());
        Assert.Equal($"'{source}' has changed", missed.GetProperty("cache_miss").GetString());
        Assert.Equal(4, Runs(worker));

        // And back.
        await File.WriteAllTextAsync(source, original, Token);
        RemoteBuild reverted = await project.BuildRemotelyAsync(worker);
        reverted.AssertIdentical();
        Assert.Equal(3, Cached(reverted));

        // What a worker knew without asking back, the requester process knows: nobody is asked.
        Assert.Equal(3, Cached(await project.BuildRemotelyAsync(worker)));
        await worker.StopAsync();
        RemoteBuild alone = await project.BuildRemotelyAsync(worker, "-p:ReprFallback=fail");
        alone.AssertIdentical();
        AssertCached(3, 3, alone);
        Assert.All(alone.Records, static record => Assert.True(record.GetProperty("kept").GetBoolean()));
        Assert.Equal(first.Run.Diagnostics, alone.Run.Diagnostics);
        Assert.Contains("Repr: Csc One is known here, as worker", (await project.BuildRemotelyAsync(worker, "-v:normal")).Run.Output, StringComparison.Ordinal);

        // A worker that was started again still does.
        await worker.StartAsync();
        await PackedSdk.RunAsync(project.Directory, [PackedSdk.ToolOf(project.Directory), "shutdown"], []);
        RemoteBuild restarted = await project.BuildRemotelyAsync(worker, "-v:normal");
        restarted.AssertIdentical();
        Assert.Contains("Repr: Csc One is from the cache of worker", restarted.Run.Output, StringComparison.Ordinal);
        Assert.Equal(3, Cached(restarted));
        Assert.All(restarted.Records, static record => Assert.False(record.TryGetProperty("kept", out _)));
        Assert.Equal(4, Runs(worker));

        // As a property says.
        RemoteBuild verified = await project.BuildRemotelyAsync(worker, "-p:ReprCache=verify");
        verified.AssertIdentical();
        AssertCached(3, 0, verified);
        Assert.True(verified.Run.CountOf("REPR1205") == 0, verified.Run.Output);
        RemoteBuild without = await project.BuildRemotelyAsync(worker, "-p:ReprCache=off");
        without.AssertIdentical();
        Assert.Equal(0, Cached(without));
        Assert.Equal(10, Runs(worker));
        Assert.Contains("warning REPR2004", (await project.BuildRemotelyAsync(worker, "-p:ReprCache=perhaps")).Run.Output, StringComparison.Ordinal);
        RemoteBuild random = await project.BuildRemotelyAsync(worker, "-p:Deterministic=false");
        Assert.True(random.Run.ExitCode == 0, random.Run.Output);
        Assert.All(random.Records, record => Assert.False(record.TryGetProperty("cache_miss", out _)));

        // Elsewhere the same sources are others: paths are in what a compiler writes.
        RemoteProject copy = await RemoteProject.CreateAsync(sdk, "One", "Two", "Three");
        RemoteBuild there = await copy.BuildRemotelyAsync(worker);
        there.AssertIdentical();
        AssertCached(3, 0, there);
    }

    [Fact]
    public async Task A_commit_changes_every_assembly_unless_the_revision_is_not_asked_for()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "One");
        await using WorkerProcess worker = await project.StartWorkerAsync();
        string repository = Path.Combine(project.Directory, ".git");
        Directory.CreateDirectory(Path.Combine(repository, "objects"));
        Directory.CreateDirectory(Path.Combine(repository, "refs/heads"));
        await File.WriteAllTextAsync(Path.Combine(repository, "HEAD"), "ref: refs/heads/main\n", Token);
        await CommitAsync('1');

        Assert.Equal(0, Cached(await project.BuildRemotelyAsync(worker)));
        Assert.Equal(1, Cached(await project.BuildRemotelyAsync(worker)));
        await CommitAsync('2');
        RemoteBuild after = await project.BuildRemotelyAsync(worker);
        AssertCached(1, 0, after);

        const string Unasked = "-p:EnableSourceControlManagerQueries=false";
        RemoteBuild first = await project.BuildRemotelyAsync(worker, Unasked);
        AssertCached(1, 0, first);
        await CommitAsync('3');
        RemoteBuild second = await project.BuildRemotelyAsync(worker, Unasked);
        AssertCached(1, 1, second);
        SmallProject.AssertSame(first.Outputs, second.Outputs);

        Task CommitAsync(char digit) => File.WriteAllTextAsync(Path.Combine(repository, "refs/heads/main"), new string(digit, 40) + "\n", Token);
    }

    [Fact]
    public async Task A_second_clean_build_of_the_cpp_sample_runs_no_compiler()
    {
        CxxSample sample = new(sdk, "gcc");
        await using WorkerProcess worker = await WorkerProcess.StartAsync(sample.Directory + "-worker");
        (BuildRun run, IReadOnlyList<JsonElement> records) = await sample.BuildAsync(worker, "-p:ReprFallback=fail");
        Assert.True(run.ExitCode == 0, run.Output);
        Assert.DoesNotContain(records, IsCached);
        Dictionary<string, byte[]> expected = sample.Outputs();
        int runs = Runs(worker);
        SmallProject.CleanOutputs(sample.Directory);

        (BuildRun second, records) = await sample.BuildAsync(worker, "-p:ReprFallback=fail");

        Assert.True(second.ExitCode == 0, second.Output);
        SmallProject.AssertSame(expected, sample.Outputs());
        string[] ran = [.. records.Where(record => !IsCached(record)).Select(Explain)];
        Assert.All(ran, description => Assert.StartsWith("Exec ", description, StringComparison.Ordinal)); // nobody asked for those
        Assert.Equal(42, records.Count);
        Assert.Equal(runs + ran.Length, Runs(worker));
        Assert.Equal(run.Diagnostics, second.Diagnostics);
        Assert.EndsWith("total 2251063164\n", await sample.RunAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commands_are_cached_if_it_is_asked_for()
    {
        await using WorkerProcess worker = await WorkerProcess.StartAsync(sdk.NewDirectory());
        await using Front front = new(worker.Address);
        await File.WriteAllTextAsync(front.PathOf("x.c"), "#warning said\nint x;\n", Token);
        string[] compile = ["gcc", "-c", "x.c", "-o", "x.o"];

        FrontRun first = await front.ExecAsync(["--cache", "readwrite", .. compile]);
        Assert.Equal(0, first.ExitCode);
        byte[] made = await File.ReadAllBytesAsync(front.PathOf("x.o"), Token);
        File.Delete(front.PathOf("x.o"));
        front.Environment["REPR_CACHE"] = "read";
        FrontRun second = await front.ExecAsync(compile);
        Assert.Equal((0, first.Error), (second.ExitCode, second.Error));
        Assert.Equal(made, await File.ReadAllBytesAsync(front.PathOf("x.o"), Token));
        Assert.Equal(1, Runs(worker));

        File.Delete(front.PathOf("x.o"));
        Assert.Equal(0, (await front.ExecAsync(["--cache=off", .. compile])).ExitCode);
        Assert.Equal(2, Runs(worker));
        Assert.Equal(2, (await front.ExecAsync(["--cache", "perhaps", .. compile])).ExitCode);

        front.Environment["REPR_CACHE"] = "verify";
        string[] clock = ["--no-stdin", "sh", "-c", "date +%s.%N >now"];
        Assert.DoesNotContain("REPR1205", (await front.ExecAsync(clock)).Error, StringComparison.Ordinal);
        File.Delete(front.PathOf("now"));
        FrontRun other = await front.ExecAsync(clock);
        Assert.Equal(0, other.ExitCode);
        Assert.Contains("warning REPR1205: sh date", other.Error, StringComparison.Ordinal);
        Assert.Contains(front.PathOf("now"), other.Error, StringComparison.Ordinal);
    }

    // Each line of the worker's log about a run of a tool.
    private static int Runs(WorkerProcess worker) => worker.Log.Split(" questions, ").Length - 1;

    private static int Cached(RemoteBuild build) => build.Records.Count(IsCached);

    private static void AssertCached(int actions, int cached, RemoteBuild build) =>
        Assert.True((build.Remote, Cached(build)) == (actions, cached), string.Join('\n', build.Records.Select(Explain)));

    private static bool IsCached(JsonElement record) => record.TryGetProperty("cached_tool_ms", out JsonElement cached) && cached.ValueKind == JsonValueKind.Number;

    private static string Explain(JsonElement record) =>
        $"{record.GetProperty("description").GetString()} {(record.TryGetProperty("cache_miss", out JsonElement miss) ? miss.GetString() : "")}";
}
