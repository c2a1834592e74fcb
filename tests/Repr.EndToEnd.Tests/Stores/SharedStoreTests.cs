using System.Security.Cryptography;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;
using Repr.Testing.SharedStores;

namespace Repr.EndToEnd.Tests.Stores;

/// <summary>Two workers, each with a disk of its own, and one store behind both; the requester may have it too.</summary>
public sealed class SharedStoreTests(PackedSdk sdk)
{
    private const long LargeBytes = 100_000; // larger than any output of the small projects, smaller than the compiler

    public static TheoryData<string> Names => TestStores.Names;

    public static MatrixTheoryData<string, bool> NamesAndSides => new([.. TestStores.Names.Select(static row => row.Data)], [false, true]);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(NamesAndSides))]
    public async Task What_one_worker_got_another_takes_from_the_store_and_the_requester_sends_nothing_again(string name, bool requesterToo)
    {
        await using TestStore store = await TestStores.StartAsync(name);
        RemoteProject project = await CreateProjectAsync(store, requesterToo, "Alpha", "Beta");
        await using WorkerProcess first = await StartWorkerAsync(project, store, "first");
        await using WorkerProcess second = await StartWorkerAsync(project, store, "second");

        RemoteBuild with = await project.BuildRemotelyAsync(first, "-m:1");
        with.AssertIdentical();
        IReadOnlySet<Digest> stored = store.FindBlobs();
        RemoteBuild again = await project.BuildRemotelyAsync(second, "-m:1");

        again.AssertIdentical();
        Assert.Equal((2, 2), (with.Remote, again.Remote));
        Assert.Equal(requesterToo, with.Shared > 0);
        Assert.True(requesterToo ? with.Shared > with.Uploaded : with.Uploaded > 0, $"{with.Uploaded} uploaded, {with.Shared} shared");
        Assert.Equal((0, 0), (again.Uploaded, again.Shared));
        Assert.Equal((0, 0), (with.Run.CountOf("REPR"), again.Run.CountOf("REPR")));

        // Nobody else could give the second worker what the tools read.
        Assert.True(BlobFiles.Find(second.Data).Count(blob => stored.Contains(blob) && blob.SizeBytes > LargeBytes) > 20);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_store_that_is_killed_in_mid_build_costs_a_warning(string name)
    {
        await using TestStore store = await TestStores.StartAsync(name);
        RemoteProject project = await CreateProjectAsync(store, requesterToo: true, "Alpha", "Beta", "Gamma");
        await using WorkerProcess worker = await StartWorkerAsync(project, store, "first");

        Task<RemoteBuild> building = project.BuildRemotelyAsync(worker, "-m:1");
        await worker.WaitForLogAsync("Session of", Cancellation);
        await store.KillAsync();
        RemoteBuild build = await building;

        build.AssertIdentical();
        Assert.Equal((3, 0), (build.Remote, build.NotRun));
        Assert.Equal(build.Run.CountOf("REPR"), build.Run.CountOf("warning REPR1203")); // if it still had something to put
        await worker.WaitForLogAsync($"REPR1203: The content store '{name}' can't be used", Cancellation);
        await store.RestartAsync();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_store_that_the_requester_can_not_reach_costs_one_warning_of_the_build(string name)
    {
        await using TestStore store = await TestStores.StartAsync(name);
        RemoteProject project = await CreateProjectAsync(store, requesterToo: true, "Alpha", "Beta");
        await using WorkerProcess worker = await project.StartWorkerAsync();
        await store.KillAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-m:1");

        build.AssertIdentical();
        Assert.Equal((2, 0), (build.Remote, build.Shared));
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
        front.Environment["REPR_CONFIG"] = WriteSettings(directory + "-requester", store);
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
    [MemberData(nameof(Names))]
    public async Task A_worker_without_the_requesters_store_costs_one_warning_of_the_build(string name)
    {
        await using TestStore store = await TestStores.StartAsync(name);
        RemoteProject project = await CreateProjectAsync(store, requesterToo: true, "Alpha", "Beta");
        await using WorkerProcess worker = await project.StartWorkerAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-m:1");

        build.AssertIdentical();
        Assert.Equal(2, build.Remote);
        Assert.True(build.Uploaded >= build.Shared);
        Assert.Equal((1, 1), (build.Run.CountOf("warning REPR1204"), build.Run.CountOf("REPR")));
    }

    [Theory]
    [MemberData(nameof(NamesAndSides))]
    public async Task Blobs_that_the_store_and_the_worker_lost_are_sent_again_and_no_others(string name, bool requesterToo)
    {
        await using TestStore store = await TestStores.StartAsync(name);
        RemoteProject project = await CreateProjectAsync(store, requesterToo, "Alpha");
        await using WorkerProcess worker = await StartWorkerAsync(project, store, "first");
        (await project.BuildRemotelyAsync(worker, "-m:1")).AssertIdentical();
        Digest[] lost = [.. store.FindBlobs().Where(static blob => blob.SizeBytes > LargeBytes).Order(ByHash).Take(10)];
        await worker.KillAsync();
        await store.KillAsync();
        store.Lose(lost);
        await store.RestartAsync();
        Directory.Delete(worker.Data, recursive: true);
        await worker.StartAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-m:1");

        build.AssertIdentical();
        Assert.Equal((1, 0, 0), (build.Remote, build.NotRun, build.Run.CountOf("REPR")));
        Assert.Equal(lost.Length, build.Uploaded + build.Shared);
        Assert.Superset(lost.ToHashSet(), store.FindBlobs().ToHashSet());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Damaged_blobs_of_the_store_are_never_used_and_sent_again(string name)
    {
        await using TestStore store = await TestStores.StartAsync(name);
        RemoteProject project = await CreateProjectAsync(store, requesterToo: false, "Alpha");
        await using (WorkerProcess first = await StartWorkerAsync(project, store, "first"))
        {
            (await project.BuildRemotelyAsync(first, "-m:1")).AssertIdentical();
        }

        HashSet<Digest> damaged = [.. store.FindBlobs().Where(static blob => blob.SizeBytes > LargeBytes)];
        store.Damage(damaged);
        await using WorkerProcess second = await StartWorkerAsync(project, store, "second");

        RemoteBuild build = await project.BuildRemotelyAsync(second, "-m:1");

        build.AssertIdentical();
        Assert.Equal((1, 0, 0), (build.Remote, build.NotRun, build.Run.CountOf("REPR")));
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

    private static Comparer<Digest> ByHash => Comparer<Digest>.Create(static (left, right) => string.CompareOrdinal(left.HashText, right.HashText));

    private async Task<RemoteProject> CreateProjectAsync(TestStore store, bool requesterToo, params string[] names)
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, names);
        if (requesterToo)
        {
            project.Environment["REPR_CONFIG"] = WriteSettings(project.Directory + "-requester", store);
        }

        return project;
    }

    private static Task<WorkerProcess> StartWorkerAsync(RemoteProject project, TestStore store, string name)
    {
        string directory = $"{project.Directory}-{name}";
        return WorkerProcess.StartAsync(directory, "--config", WriteSettings(directory, store));
    }

    private static string WriteSettings(string directory, TestStore store)
    {
        string path = Path.Combine(Directory.CreateDirectory(directory).FullName, "repr.json");
        File.WriteAllText(path, store.Settings);
        return path;
    }
}
