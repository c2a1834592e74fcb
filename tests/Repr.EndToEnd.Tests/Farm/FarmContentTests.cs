using System.Security.Cryptography;
using System.Text.Json;
using Repr.EndToEnd.Tests.Discovery;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.Testing.Servers;
using Repr.Testing.SharedStores;

namespace Repr.EndToEnd.Tests.Farm;

/// <summary>Workers of a farm give each other content: what is sent, and to whom.</summary>
public sealed class FarmContentTests : IDisposable
{
    private const int SmallestFile = 50_000; // more than all together that workers make

    private readonly string _directory = Directory.CreateTempSubdirectory("repr-farm-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_requester_sends_each_blob_once_for_eight_workers_that_want_it_at_the_same_time()
    {
        await using StoreServer redis = await StoreServer.StartRedisAsync(Cancellation);
        await using Workers workers = new();
        await workers.StartAsync(8, index => StartAsync($"w{index}", redis));
        await using Front front = new(FarmTests.EndpointOf(workers.All[0]));
        await FarmTests.WaitForMembersAsync(front, 8);
        foreach (WorkerProcess worker in workers.All)
        {
            // Each hears of the last one with a beat of its own, and puts nothing there before.
            await using Front asker = new(FarmTests.EndpointOf(worker));
            await FarmTests.WaitForMembersAsync(asker, 8);
        }

        HashSet<Digest> before = [.. workers.All.SelectMany(static worker => BlobFiles.Find(worker.Data))];
        front.Environment["REPR_BUILD_ID"] = "once";
        string expected = WriteFiles(front);
        HeldTools held = new();

        Task<FrontRun[]> all = Task.WhenAll(Enumerable.Range(0, 8).Select(_ =>
            front.ExecAsync("--fail", "--no-stdin", "sh", "-c", $"cat data/* | sha256sum; {held.Command}; true")));
        await held.WaitForAsync(8, all);
        await held.ReleaseAsync(all);

        Assert.All(await all, run => Assert.True(run.Output == expected, run.Output + run.Error));
        IReadOnlyList<JsonElement> records = front.RecordsOf("once");
        Assert.Equal(8, records.Select(static record => record.GetProperty("worker").GetString()).Distinct().Count());

        // Besides what was sent the workers have a few small blobs that they made: what the tools looked at.
        Digest[] known = [.. workers.All.SelectMany(static worker => BlobFiles.Find(worker.Data)).Distinct().Except(before)];
        Assert.InRange(records.Sum(static record => record.GetProperty("uploaded_files").GetInt32()), 40, known.Length);
        Assert.InRange(records.Sum(static record => record.GetProperty("uploaded_bytes").GetInt64()), 40 * SmallestFile, known.Sum(static digest => digest.SizeBytes));
    }

    [Fact]
    public async Task Content_of_a_worker_that_is_gone_is_sent_again_and_that_of_the_others_is_not()
    {
        await using StoreServer redis = await StoreServer.StartRedisAsync(Cancellation);
        await using Workers workers = new();
        await workers.StartAsync(3, index => StartAsync($"w{index}", redis));
        await using Front front = new(FarmTests.EndpointOf(workers.All[0]));
        front.Environment["REPR_BUILD_ID"] = "first";
        await FarmTests.WaitForMembersAsync(front, 3);
        string expected = WriteFiles(front);
        const string Command = "cat data/* | sha256sum";
        Assert.Equal(expected, (await front.ExecAsync("--fail", "sh", "-c", Command)).Output);
        HashSet<Digest> known = [.. workers.All.SelectMany(static worker => BlobFiles.Find(worker.Data))];

        // One that has only its share: not where it ran.
        string ran = front.RecordsOf("first")[^1].GetProperty("worker").GetString()!;
        WorkerProcess gone = workers.All.First(worker => File.ReadAllText(Path.Combine(worker.Data, "worker-id")).Trim() != ran);
        IReadOnlySet<Digest> share = BlobFiles.Find(gone.Data);
        Assert.InRange(share.Count, 1, known.Count - 20);
        await gone.KillAsync();
        await FarmTests.WaitForMembersAsync(front, 2);

        // A requester that knows nothing of what is where.
        await using Front other = new(FarmTests.EndpointOf(workers.All.First(worker => worker != gone)));
        other.Environment["REPR_BUILD_ID"] = "again";
        WriteFiles(other);
        Assert.Equal(expected, (await other.ExecAsync("--fail", "sh", "-c", Command)).Output);

        int sent = other.RecordsOf("again").Sum(static record => record.GetProperty("uploaded_files").GetInt32());
        int fresh = workers.All.Where(worker => worker != gone).SelectMany(static worker => BlobFiles.Find(worker.Data)).Distinct().Count(digest => !known.Contains(digest));
        Assert.InRange(sent, 0, share.Count + fresh);
    }

    // The same in every directory; two of them are too large for a batch.
    private static string WriteFiles(Front front)
    {
        Directory.CreateDirectory(front.PathOf("data"));
        Random random = new(8);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int file = 0; file < 40; file++)
        {
            byte[] content = new byte[file < 2 ? 3_000_000 : random.Next(SmallestFile, 100_000)];
            random.NextBytes(content);
            File.WriteAllBytes(front.PathOf($"data/{file:00}"), content);
            hash.AppendData(content);
        }

        return $"{Convert.ToHexStringLower(hash.GetHashAndReset())}  -\n";
    }

    private Task<WorkerProcess> StartAsync(string name, StoreServer redis) =>
        WorkerProcess.StartAsync(Path.Combine(_directory, name), "--slots", "1", "--farm", FarmTests.FarmOf(redis));
}

/// <summary>Workers that are ended together.</summary>
internal sealed class Workers : IAsyncDisposable
{
    private readonly List<WorkerProcess> _all = [];

    /// <summary>Those that were started, in this order.</summary>
    public IReadOnlyList<WorkerProcess> All => _all;

    /// <summary>Starts some, one after the other.</summary>
    public async Task StartAsync(int count, Func<int, Task<WorkerProcess>> start)
    {
        for (int index = 0; index < count; index++)
        {
            _all.Add(await start(index));
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (WorkerProcess worker in _all)
        {
            await worker.DisposeAsync();
        }
    }
}
