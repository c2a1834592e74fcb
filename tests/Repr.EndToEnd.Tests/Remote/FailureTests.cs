using System.Diagnostics;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Remote;

/// <summary>Whatever happens to the worker: the build succeeds, with the bytes of a local one, and says what happened.</summary>
public sealed class FailureTests(PackedSdk sdk)
{
    [Fact]
    public async Task A_frozen_worker_costs_at_most_15_seconds_and_one_warning()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha");
        await using WorkerProcess worker = await project.StartWorkerAsync();
        Assert.Equal(1, (await project.BuildRemotelyAsync(worker)).Remote);
        worker.Freeze();

        long start = Stopwatch.GetTimestamp();
        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-p:ReprCache=off"); // a known result needs no worker
        TimeSpan took = Stopwatch.GetElapsedTime(start);

        build.AssertIdentical();
        Assert.Equal(0, build.Remote);
        Assert.Equal(1, build.Run.CountOf("warning REPR1"));
        // The bound is the requester's own; what the rest of a build takes on this machine is allowed on top.
        Assert.True(took < TimeSpan.FromSeconds(15) + 4 * project.LocalTime, $"took {took}");
    }

    /// <summary>
    /// A watcher walks directories that tools on an overlayfs have locked while they wait for the worker: one that is killed then could not die.
    /// </summary>
    [Fact]
    public async Task A_worker_watches_no_directory()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha");
        await using WorkerProcess worker = await project.StartWorkerAsync();
        Assert.Equal(1, (await project.BuildRemotelyAsync(worker)).Remote);

        string descriptors = $"/proc/{worker.ProcessId}/fdinfo";
        string[] watched = [.. Directory.EnumerateFiles(descriptors).SelectMany(Lines).Where(line => line.StartsWith("inotify", StringComparison.Ordinal))];

        Assert.Empty(watched);

        static string[] Lines(string file)
        {
            try
            {
                return File.ReadAllLines(file);
            }
            catch (IOException)
            {
                return []; // closed meanwhile
            }
        }
    }

    [Fact]
    public async Task A_worker_that_is_killed_in_mid_compile_is_replaced_by_a_local_compile()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha", "Beta");
        await using WorkerProcess worker = await project.StartWorkerAsync();

        Task<RemoteBuild> building = project.BuildRemotelyAsync(worker);
        await worker.WaitForLogAsync("Session of", TestContext.Current.CancellationToken);
        await worker.KillAsync();
        RemoteBuild build = await building;

        build.AssertIdentical();
        Assert.InRange(build.Run.CountOf("warning REPR1"), 1, 2); // one for each of the two nodes
    }

    [Fact]
    public async Task A_worker_that_comes_back_without_its_store_gets_everything_again()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha");
        await using WorkerProcess worker = await project.StartWorkerAsync();
        Assert.Equal(1, (await project.BuildRemotelyAsync(worker)).Remote);
        await worker.KillAsync();
        Directory.Delete(worker.Data, recursive: true);
        await worker.StartAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker);

        build.AssertIdentical();
        Assert.Equal(1, build.Remote);
    }

    [Fact]
    public async Task Blobs_that_vanish_from_a_running_workers_store_are_sent_again()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha");
        await using WorkerProcess worker = await project.StartWorkerAsync();
        Assert.Equal(1, (await project.BuildRemotelyAsync(worker)).Remote);
        foreach (string blob in Directory.EnumerateFiles(Path.Combine(worker.Data, "cas"), "*", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file).Length == 64).Where((_, index) => index % 3 == 0).ToList())
        {
            File.Delete(blob);
        }

        RemoteBuild build = await project.BuildRemotelyAsync(worker);

        build.AssertIdentical();
        Assert.Equal(1, build.Remote);
    }

    [Fact]
    public async Task Damaged_blobs_in_the_workers_store_are_never_used()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha");
        await using WorkerProcess worker = await project.StartWorkerAsync();
        Assert.Equal(1, (await project.BuildRemotelyAsync(worker)).Remote);
        await worker.KillAsync();
        foreach (string blob in Directory.EnumerateFiles(Path.Combine(worker.Data, "cas"), "*", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file).Length == 64).ToList())
        {
            File.SetUnixFileMode(blob, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            using FileStream stream = new(blob, FileMode.Open, FileAccess.ReadWrite);
            int first = stream.ReadByte();
            stream.Position = 0;
            stream.WriteByte((byte)(first ^ 1));
        }

        await worker.StartAsync();

        (await project.BuildRemotelyAsync(worker)).AssertIdentical();
    }

    [Fact]
    public async Task A_full_worker_is_no_failure()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha", "Beta", "Gamma", "Delta");
        await using WorkerProcess worker = await project.StartWorkerAsync("--slots", "1", "--queue-limit", "0");

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-m:4");

        build.AssertIdentical();
    }

    [Fact]
    public async Task With_fallback_fail_a_dead_worker_is_an_error()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha");
        WorkerProcess worker = await project.StartWorkerAsync();
        await worker.DisposeAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-p:ReprFallback=fail");

        Assert.NotEqual(0, build.Run.ExitCode);
        Assert.Equal(1, build.Run.CountOf("error REPR1101"));
    }
}
