using System.Security.Cryptography;
using System.Text.Json;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;
using Repr.Testing.SharedStores;

namespace Repr.EndToEnd.Tests.Stores;

/// <summary>Two workers, each with a disk of its own, and one store behind both; the requester may have it too.</summary>
public sealed class SharedStoreTests(PackedSdk sdk, TwoLibraries libraries, StoreServers servers) : IClassFixture<TwoLibraries>
{
    private const long LargeBytes = 100_000; // larger than any output of the small projects, smaller than the compiler

    public static TheoryData<string> Names => TestStores.Names;

    public static TheoryData<string> FileNames => TestStores.FileNames;

    public static MatrixTheoryData<string, bool> NamesAndSides => AndSides(TestStores.Names);

    public static MatrixTheoryData<string, bool> FileNamesAndSides => AndSides(TestStores.FileNames);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(NamesAndSides))]
    public async Task What_one_worker_got_another_takes_from_the_store_and_the_requester_sends_nothing_again(string name, bool requesterToo)
    {
        await using TestStore store = await TestStores.StartAsync(name, servers, Cancellation);
        RemoteProject project = await libraries.NewRequesterAsync(requesterToo ? store : null);
        await using WorkerProcess first = await libraries.StartWorkerAsync(store);
        await using WorkerProcess second = await libraries.StartWorkerAsync(store);

        RemoteBuild with = await project.BuildRemotelyAsync(first, "-m:1");
        RemoteBuild again = await project.BuildRemotelyAsync(second, "-m:1");

        with.AssertIdentical();
        with.AssertAllRemote(TwoLibraries.Actions);
        again.AssertIdentical();
        again.AssertAllRemote(TwoLibraries.Actions);
        Assert.Equal(requesterToo, with.Shared > 0);
        Assert.True(requesterToo ? with.Shared > with.Uploaded : with.Uploaded > 0, $"{with.Uploaded} uploaded, {with.Shared} shared");
        Assert.Equal((0, 0), (again.Uploaded, again.Shared));
        Assert.Equal((0, 0), (with.Run.CountOf("REPR"), again.Run.CountOf("REPR")));

        // Nobody else could give the second worker what the tools read.
        IReadOnlySet<Digest> had = BlobFiles.Find(first.Data);
        Assert.True(CountLarge(BlobFiles.Find(second.Data)) > 20);
        if (store is FileTestStore files)
        {
            Assert.True(CountLarge(files.FindBlobs()) > 20);
        }

        int CountLarge(IReadOnlySet<Digest> blobs) => blobs.Count(blob => blob.SizeBytes > LargeBytes && had.Contains(blob));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task What_an_action_of_one_worker_wrote_an_action_of_another_reads_from_the_store(string name)
    {
        await using TestStore store = await TestStores.StartAsync(name, servers, Cancellation);
        await using WorkerProcess first = await libraries.StartWorkerAsync(store);
        await using WorkerProcess second = await libraries.StartWorkerAsync(store);
        await using Front front = new(first.Address);
        front.Environment["REPR_CONFIG"] = BuiltProjects.WriteSettings(sdk.NewDirectory(), store);
        front.Environment["REPR_BUILD_ID"] = "written";

        FrontRun wrote = await front.ExecAsync("--fail", "--", "sh", "-c", "head -c 3000000 /dev/urandom > made; sha256sum < made");
        front.Environment["REPR_ENDPOINT"] = second.Address;
        FrontRun read = await front.ExecAsync("--fail", "--", "sh", "-c", "sha256sum < made");

        Assert.Equal((0, "", 0, ""), (wrote.ExitCode, wrote.Error, read.ExitCode, read.Error));
        Assert.Equal(wrote.Output, read.Output);
        JsonElement record = front.RecordsOf("written")[^1];
        Assert.InRange(record.GetProperty("uploaded_bytes").GetInt64() + record.GetProperty("shared_bytes").GetInt64(), 0, 100_000);
        Assert.Contains(Digest.Compute(await File.ReadAllBytesAsync(front.PathOf("made"), Cancellation)), BlobFiles.Find(second.Data));
    }

    [Theory]
    [MemberData(nameof(FileNames))]
    public async Task A_store_that_the_requester_can_not_reach_costs_one_warning_of_the_build(string name)
    {
        await using FileTestStore store = await TestStores.StartAsync(name);
        RemoteProject project = await libraries.NewRequesterAsync(store);
        await using WorkerProcess worker = await libraries.StartWorkerAsync();
        await store.KillAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-m:1");

        build.AssertIdentical();
        Assert.Equal((TwoLibraries.Actions, 0), (build.Remote, build.Shared));
        Assert.Equal((1, 1), (build.Run.CountOf("warning REPR1203"), build.Run.CountOf("REPR")));
        await store.RestartAsync();
    }

    [Fact]
    public async Task A_command_whose_store_is_away_runs_remotely_and_says_so_once()
    {
        await using DirectoryTestStore store = new();
        string directory = sdk.NewDirectory();
        await using WorkerProcess worker = await WorkerProcess.StartAsync(directory + "-worker");
        await using Front front = new(worker.Address);
        front.Environment["REPR_CONFIG"] = BuiltProjects.WriteSettings(directory + "-requester", store);
        await store.KillAsync();
        await File.WriteAllTextAsync(front.PathOf("a.c"), "int one(void) { return 1; }", Cancellation);

        FrontRun run = await front.ExecAsync("gcc", "-c", "a.c");
        FrontRun again = await front.ExecAsync("gcc", "-O2", "-c", "a.c");

        Assert.Equal((0, 0, ""), (run.ExitCode, again.ExitCode, again.Error));
        Assert.StartsWith("repr: warning REPR1203: The shared content store 'directory' cannot be used: ", run.Error, StringComparison.Ordinal);
        Assert.EndsWith(" Content goes through the worker.\n", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.True(File.Exists(front.PathOf("a.o")));
        await store.RestartAsync();
    }

    [Theory]
    [MemberData(nameof(FileNames))]
    public async Task A_worker_without_the_requesters_store_costs_one_warning_of_the_build(string name)
    {
        await using FileTestStore store = await TestStores.StartAsync(name);
        RemoteProject project = await libraries.NewRequesterAsync(store);
        await using WorkerProcess worker = await libraries.StartWorkerAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-m:1");

        build.AssertIdentical();
        Assert.Equal(TwoLibraries.Actions, build.Remote);
        Assert.True(build.Uploaded >= build.Shared);
        Assert.Equal((1, 1), (build.Run.CountOf("warning REPR1204"), build.Run.CountOf("REPR")));
    }

    [Theory]
    [MemberData(nameof(FileNamesAndSides))]
    public async Task Blobs_that_the_store_and_the_worker_lost_are_sent_again_and_no_others(string name, bool requesterToo)
    {
        await using FileTestStore store = await TestStores.StartAsync(name);
        RemoteProject project = await libraries.NewRequesterAsync(requesterToo ? store : null);
        await using WorkerProcess worker = await libraries.StartWorkerAsync(store);
        (await project.BuildRemotelyAsync(worker, "-m:1")).AssertIdentical();
        IReadOnlySet<Digest> stored = store.FindBlobs();
        Digest[] lost = [.. (await FrameworkAsync()).Where(stored.Contains).Take(10)];
        Assert.Equal(10, lost.Length);
        await worker.KillAsync();
        await store.KillAsync();
        store.Lose(lost);
        await store.RestartAsync();
        Directory.Delete(worker.Data, recursive: true);
        await worker.StartAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-m:1", "-p:ReprCache=off"); // else the requester knows the results, and nobody needs the blobs

        build.AssertIdentical();
        Assert.Equal((TwoLibraries.Actions, 0, 0), (build.Remote, build.NotRun, build.Run.CountOf("REPR")));
        Assert.Equal(lost.Length, build.Uploaded + build.Shared);
        Assert.Superset(lost.ToHashSet(), store.FindBlobs().ToHashSet());
    }

    [Theory]
    [MemberData(nameof(FileNames))]
    public async Task Damaged_blobs_of_the_store_are_never_used_and_sent_again(string name)
    {
        await using FileTestStore store = await TestStores.StartAsync(name);
        RemoteProject project = await libraries.NewRequesterAsync(store: null);
        await using (WorkerProcess first = await libraries.StartWorkerAsync(store))
        {
            (await project.BuildRemotelyAsync(first, "-m:1")).AssertIdentical();
        }

        HashSet<Digest> damaged = [.. store.FindBlobs().Where(static blob => blob.SizeBytes > LargeBytes)];
        store.Damage(damaged);
        await using WorkerProcess second = await libraries.StartWorkerAsync(store);

        RemoteBuild build = await project.BuildRemotelyAsync(second, "-m:1");

        build.AssertIdentical();
        Assert.Equal((TwoLibraries.Actions, 0, 0), (build.Remote, build.NotRun, build.Run.CountOf("REPR")));
        Assert.InRange(build.Uploaded + build.Shared, 1, damaged.Count);
        Assert.Contains("is damaged and counts as missing", second.Log, StringComparison.Ordinal);
        Assert.All(Directory.EnumerateFiles(Path.Combine(second.Data, "cas"), "*", SearchOption.AllDirectories), static path =>
        {
            if (Path.GetFileName(path).Length == 64)
            {
                Assert.Equal(Path.GetFileName(path), Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))));
            }
        });
    }

    // What every compile reads: the compiler's own framework. (A list of inputs is a blob too, but may be another in the next build.)
    private static async Task<IReadOnlyList<Digest>> FrameworkAsync()
    {
        List<Digest> digests = [];
        foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "*.dll").Order(StringComparer.Ordinal))
        {
            await using FileStream content = File.OpenRead(file);
            digests.Add(await Digest.ComputeAsync(content, Cancellation));
        }

        return digests;
    }

    private static MatrixTheoryData<string, bool> AndSides(TheoryData<string> names) =>
        new([.. names.Select(static row => row.Data)], [false, true]);
}
