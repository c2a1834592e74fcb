using System.Security.Cryptography;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.Testing.SharedStores;

namespace Repr.EndToEnd.Tests.Stores;

/// <summary>A part of the sample solution, built with each kind of store.</summary>
public sealed class StoreSampleTests(CutSample sample, StoreServers servers) : IClassFixture<CutSample>
{
    public static TheoryData<string> Names => TestStores.Names;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Two_workers_build_it_and_what_the_first_had_is_not_sent_again(string name)
    {
        await using TestStore store = await TestStores.StartAsync(name, servers, Cancellation);
        RemoteProject project = await sample.NewRequesterAsync(store);
        await using WorkerProcess first = await sample.StartWorkerAsync(store);
        await using WorkerProcess second = await sample.StartWorkerAsync(store);

        RemoteBuild with = await project.BuildRemotelyAsync(first);
        RemoteBuild again = await project.BuildRemotelyAsync(second);

        with.AssertIdentical();
        with.AssertAllRemote(CutSample.Actions);
        again.AssertIdentical();
        again.AssertAllRemote(CutSample.Actions);
        Assert.True(with.Shared > with.Uploaded, $"{with.Uploaded} uploaded, {with.Shared} shared");
        AssertOnlyNewIsSent(first, second, again);
        Assert.Equal((0, 0), (with.Run.CountOf("REPR"), again.Run.CountOf("REPR")));
        Assert.DoesNotContain("REPR1203", first.Log + second.Log, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_store_that_is_killed_while_an_action_runs_costs_one_warning(string name)
    {
        await using TestStore store = await TestStores.StartAsync(name, servers, Cancellation);
        RemoteProject project = await sample.NewRequesterAsync(store);
        await using WorkerProcess worker = await sample.StartWorkerAsync(store);
        string held = $"held-{Guid.NewGuid():N}";

        // Two compiles are done; the third action runs on the worker and has not looked at its file yet.
        Task<RemoteBuild> building = project.BuildRemotelyAsync(worker, "-m:1", $"-p:Hold={held}", "-p:ReprFallback=fail");
        int tool = await FindStoppedAsync(held, building);
        await store.KillAsync();
        await ProcessTable.SignalAsync(tool, "CONT");
        await ContinueAllAsync(held, building);
        RemoteBuild build = await building;

        build.AssertIdentical();
        build.AssertAllRemote(CutSample.Actions + 1);
        Assert.Equal(
            $"{Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(sample.ReadLate, Cancellation)))}  late.bin\n",
            await File.ReadAllTextAsync(Path.Combine(sample.Model, "obj", held), Cancellation));
        Assert.Equal((1, 1), (build.Run.CountOf($"warning REPR1203: The shared content store '{name}' cannot be used: "), build.Run.CountOf("REPR")));
        Assert.Equal(1, build.Run.CountOf("Content goes through the worker."));
        await worker.WaitForLogAsync($"REPR1203: The content store '{name}' can't be used", Cancellation);
        Assert.Empty(Directory.EnumerateFiles(project.Directory, "*.repr-tmp", SearchOption.AllDirectories));

        // What it has after all that is whole: another worker lives on it.
        await store.RestartAsync();
        await using WorkerProcess second = await sample.StartWorkerAsync(store);
        RemoteBuild again = await project.BuildRemotelyAsync(second);

        again.AssertIdentical();
        again.AssertAllRemote(CutSample.Actions);
        Assert.DoesNotContain("is damaged", second.Log, StringComparison.Ordinal);
    }

    // Compilers that work on several things at a time may open a file in one run that they did not open in another.
    private static void AssertOnlyNewIsSent(WorkerProcess first, WorkerProcess second, RemoteBuild again)
    {
        List<Digest> fresh = [.. BlobFiles.Find(second.Data).Except(BlobFiles.Find(first.Data))];
        Assert.True(
            again.Uploaded + again.Shared <= Math.Min(fresh.Count, 3),
            $"{again.Uploaded} uploaded, {again.Shared} shared; the first had all but {fresh.Count}: {string.Join(", ", fresh)}\n{string.Join('\n', again.Records)}\n{second.Log}");
    }

    private static async Task<int> FindStoppedAsync(string held, Task<RemoteBuild> building)
    {
        while (true)
        {
            foreach (int id in ProcessTable.Find(held).Where(ProcessTable.IsStopped))
            {
                return id;
            }

            Assert.False(building.IsCompleted, building.IsCompleted ? (await building).Run.Output : "");
            await Task.Delay(20, Cancellation);
        }
    }

    // An attempt that is made again stops itself again.
    private static async Task ContinueAllAsync(string held, Task<RemoteBuild> building)
    {
        while (await Task.WhenAny(building, Task.Delay(500, Cancellation)) != building)
        {
            foreach (int id in ProcessTable.Find(held).Where(ProcessTable.IsStopped))
            {
                await ProcessTable.SignalAsync(id, "CONT");
            }
        }
    }
}
