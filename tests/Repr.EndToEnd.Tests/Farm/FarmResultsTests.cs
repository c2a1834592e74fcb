using System.Diagnostics;
using System.Text.Json;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;
using Repr.Testing.Servers;

namespace Repr.EndToEnd.Tests.Farm;

/// <summary>Workers of a farm give each other what their tools left, and what they looked at; and find out who differs.</summary>
public sealed class FarmResultsTests(PackedSdk sdk) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-farm-").FullName;

    // Elsewhere than in /tmp: below that a worker asks nothing by itself, as it has a directory of its own there.
    private readonly DirectoryInfo _checkouts = Directory.CreateDirectory("/var/tmp/repr-" + Path.GetRandomFileName());

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Directory.Delete(_directory, recursive: true);
        _checkouts.Delete(recursive: true);
    }

    [Fact]
    public async Task What_one_worker_has_compiled_no_other_compiles_again()
    {
        await using StoreServer redis = await StoreServer.StartRedisAsync(Cancellation);
        await using Workers workers = new();
        await workers.StartAsync(2, index => StartAsync($"w{index}", redis));
        (WorkerProcess a, WorkerProcess b) = (workers.All[0], workers.All[1]);
        await WaitForFarmAsync(workers);
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "One", "Two", "Three");
        RemoteBuild first = await project.BuildRemotelyAsync(a);
        first.AssertIdentical();
        Assert.Equal((3, 0), (first.Remote, Cached(first)));
        await WaitForEntriesAsync(workers, 3);
        int ranBefore = Runs(b); // what was asked to know the farm

        // Another requester, that knows nothing, on the other worker: the same bytes, the same warnings, and no compiler.
        RemoteProject other = project.ForRequester(Path.Combine(_directory, "second"));
        RemoteBuild second = await other.BuildRemotelyAsync(b);
        second.AssertIdentical();
        Assert.True(Cached(second) == 3, Explain(second));
        Assert.Equal(ranBefore, Runs(b));
        Assert.Equal(first.Run.Diagnostics, second.Run.Diagnostics);
        Assert.All(second.Records, record => Assert.InRange(record.GetProperty("asked_back").GetInt32(), 0, 3));

        // Who wants none of it, gets none of it.
        RemoteBuild without = await other.BuildRemotelyAsync(b, "-p:ReprCache=off");
        without.AssertIdentical();
        Assert.Equal((0, 3), (Cached(without), Runs(b) - ranBefore));

        // What is damaged is no result.
        Damage(a, b);
        RemoteBuild damaged = await project.ForRequester(Path.Combine(_directory, "third")).BuildRemotelyAsync(b);
        damaged.AssertIdentical();
        Assert.Equal((0, 6), (Cached(damaged), Runs(b) - ranBefore));

        // A worker that is gone takes what it knew with it, and no action.
        await WaitForEntriesAsync(workers, 3);
        await a.KillAsync();
        foreach (string file in EntriesOf(b))
        {
            File.Delete(file);
        }

        RemoteBuild after = await project.ForRequester(Path.Combine(_directory, "fourth")).BuildRemotelyAsync(b);
        after.AssertIdentical();
        after.AssertAllRemote(3);
    }

    [Fact]
    public async Task A_first_build_elsewhere_asks_once_for_what_the_farm_knows_to_be_read()
    {
        await using StoreServer redis = await StoreServer.StartRedisAsync(Cancellation);
        await using Workers workers = new();
        await workers.StartAsync(2, index => StartAsync($"w{index}", redis));
        await WaitForFarmAsync(workers);
        (int ran, int asked) = await BuildAsync("here", workers.All[0]);
        await WaitForEntriesAsync(workers, ran);

        // Another checkout, another requester, another worker: other results, but the same files are read.
        (int ranThere, int askedThere) = await BuildAsync("somewhere/else", workers.All[1]);

        TestContext.Current.SendDiagnosticMessage($"{asked} questions of {ran} first compiles, {askedThere} of {ranThere} in another checkout on another worker");
        Assert.Equal(ran, ranThere);
        Assert.True(asked > 100, $"{asked} questions");
        Assert.InRange(askedThere, 1, asked / 10); // 259 and 14 when this was written

        async Task<(int Ran, int Asked)> BuildAsync(string name, WorkerProcess worker)
        {
            string checkout = _checkouts.CreateSubdirectory(name).FullName;
            WriteSources(checkout);
            await using Front front = new(worker.Address) { Directory = checkout };
            front.Environment["REPR_BUILD_ID"] = "first";
            front.Environment["REPR_CACHE"] = "readwrite";
            string[] sources = ["one", "two", "three"];
            foreach (string source in sources)
            {
                FrontRun run = await front.ExecAsync("--fail", "--no-stdin", "g++", "-c", "-Iinclude", $"{source}.cc", "-o", $"{source}.o");
                Assert.True(run.ExitCode == 0, run.Error);
            }

            IReadOnlyList<JsonElement> records = front.RecordsOf("first");
            Assert.DoesNotContain(records, IsCached);
            return (records.Count, records.Sum(static record => record.GetProperty("asked_back").GetInt32()));
        }
    }

    [Fact]
    public async Task A_worker_that_leaves_other_bytes_than_two_others_is_found_and_left_alone()
    {
        await using StoreServer redis = await StoreServer.StartRedisAsync(Cancellation);
        await using Workers workers = new();
        await workers.StartAsync(3, index => StartAsync($"w{index}", redis));
        (WorkerProcess a, WorkerProcess b, WorkerProcess liar) = (workers.All[0], workers.All[1], workers.All[2]);

        // Its tools see that they are less important than others, and this one writes it down.
        await liar.StopAsync();
        liar.StartedBy = ["nice", "-n", "7"];
        await liar.StartAsync();
        await WaitForFarmAsync(workers);
        await using Front front = new(a.Address);
        front.Environment["REPR_BUILD_ID"] = "differ";
        string right = (await front.RunHereAsync("nice")).Output;
        foreach (string name in new[] { "first", "second" })
        {
            await WaitForQuietAsync(workers); // what the last run left is told in the background
            int before = Entries(workers);
            Assert.Equal(right, await RunAsync(a, name, "readwrite"));
            await WaitForEntriesAsync(workers, 1, before);
            Assert.NotEqual(right, await RunAsync(liar, name, "verify", differs: true)); // and not what another left
            await WaitForLogsAsync(workers, "left different things", name == "first" ? 1 : 2);

            // Nobody is given either, until a third worker has decided.
            Assert.Equal(right, await RunAsync(b, name, "readwrite"));
            await WaitForLogsAsync(workers, "left something else than", name == "first" ? 1 : 2);
        }

        await WaitForLogsAsync(workers, "REPR1207", 1);
        string log = string.Concat(workers.All.Select(static worker => worker.Log));
        Assert.Contains($"REPR1206: Worker {IdOf(liar)} left something else than", log, StringComparison.Ordinal);
        Assert.Contains($"REPR1207: Worker {IdOf(liar)} gets no actions", log, StringComparison.Ordinal);

        // The farm gives it nothing; and the others' result is known again.
        front.Environment["REPR_BUILD_ID"] = "farm";
        front.Environment["REPR_CACHE"] = "off";
        front.Environment["REPR_ENDPOINT"] = FarmTests.EndpointOf(a);
        FrontRun[] runs = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => front.ExecAsync("--fail", "--no-stdin", "nice")));
        Assert.All(runs, run => Assert.True(run.Output == right, run.Error));
        Assert.DoesNotContain(IdOf(liar), front.RecordsOf("farm").Select(static record => record.GetProperty("worker").GetString()));
        int ran = Runs(b);
        Assert.Equal(right, await RunAsync(b, "first", "readwrite"));
        Assert.Equal(ran, Runs(b));

        async Task<string> RunAsync(WorkerProcess worker, string name, string cache, bool differs = false)
        {
            File.Delete(front.PathOf(name));
            front.Environment["REPR_ENDPOINT"] = worker.Address;
            front.Environment["REPR_CACHE"] = cache;
            FrontRun run = await front.ExecAsync("--fail", "--no-stdin", "sh", "-c", $"nice >{name}");
            Assert.True(run.ExitCode == 0, run.Error);
            JsonElement record = front.RecordsOf("differ")[^1]; // the warning, REPR1205, is one for a build
            Assert.True(
                differs == (record.TryGetProperty("not_repeatable", out JsonElement paths) && paths.GetArrayLength() > 0),
                $"{run.Error}\n{record}\n{string.Join("\n---\n", workers.All.Select(static one => one.Log))}");
            return await File.ReadAllTextAsync(front.PathOf(name), Cancellation);
        }
    }

    private static void WriteSources(string checkout)
    {
        Directory.CreateDirectory(Path.Combine(checkout, "include"));
        for (int header = 0; header < 20; header++)
        {
            File.WriteAllText(Path.Combine(checkout, $"include/h{header}.h"), $"inline int f{header}() {{ return {header}; }}\n");
        }

        foreach (string source in new[] { "one", "two", "three" })
        {
            string includes = string.Concat(Enumerable.Range(0, 20).Select(static header => $"#include \"h{header}.h\"\n"));
            File.WriteAllText(Path.Combine(checkout, $"{source}.cc"), $"#include <vector>\n{includes}int {source}() {{ return __LINE__; }}\n");
        }
    }

    private static void Damage(params WorkerProcess[] workers)
    {
        foreach (string file in workers.SelectMany(EntriesOf))
        {
            byte[] bytes = File.ReadAllBytes(file);
            bytes[^1]++;
            File.WriteAllBytes(file, bytes);
        }
    }

    // The pool knows each of them, and each of them the others.
    private static async Task WaitForFarmAsync(Workers workers)
    {
        foreach (WorkerProcess worker in workers.All)
        {
            await using Front front = new(FarmTests.EndpointOf(worker));
            await FarmTests.WaitForMembersAsync(front, workers.All.Count);
        }
    }

    private static IEnumerable<string> EntriesOf(WorkerProcess worker) =>
        Directory.GetFiles(Path.Combine(worker.Data, "results")).Where(static file => !file.EndsWith(".tmp", StringComparison.Ordinal));

    private static int Entries(Workers workers) => workers.All.Sum(static worker => EntriesOf(worker).Count());

    // Three files for each result where it was made, and one at the home of its command; one for the tool.
    private static async Task WaitForEntriesAsync(Workers workers, int results, int before = 0)
    {
        long start = Stopwatch.GetTimestamp();
        int expected = before + (4 * results) + (before == 0 ? 1 : 0);
        while (Entries(workers) < expected)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromMinutes(1), $"{Entries(workers)} entries, {expected} expected");
            await Task.Delay(20, Cancellation);
        }

        await WaitForQuietAsync(workers);
    }

    // Nothing was written for a second.
    private static async Task WaitForQuietAsync(Workers workers)
    {
        DateTime last;
        do
        {
            last = Written();
            await Task.Delay(TimeSpan.FromSeconds(1), Cancellation);
        }
        while (Written() != last);

        DateTime Written() => workers.All.SelectMany(EntriesOf).Select(File.GetLastWriteTimeUtc).DefaultIfEmpty().Max();
    }

    private static async Task WaitForLogsAsync(Workers workers, string text, int times)
    {
        long start = Stopwatch.GetTimestamp();
        while (workers.All.Sum(worker => worker.Log.Split(text).Length - 1) < times)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromMinutes(1), string.Join("\n---\n", workers.All.Select(static worker => worker.Log)));
            await Task.Delay(20, Cancellation);
        }
    }

    private static string IdOf(WorkerProcess worker) => File.ReadAllText(Path.Combine(worker.Data, "worker-id")).Trim();

    // Each line of the worker's log about a run of a tool.
    private static int Runs(WorkerProcess worker) => worker.Log.Split(" questions, ").Length - 1;

    private static int Cached(RemoteBuild build) => build.Records.Count(IsCached);

    private static bool IsCached(JsonElement record) => record.TryGetProperty("cached_tool_ms", out JsonElement cached) && cached.ValueKind == JsonValueKind.Number;

    private static string Explain(RemoteBuild build) => string.Join('\n', build.Records.Select(static record =>
        $"{record.GetProperty("description").GetString()} {(record.TryGetProperty("cache_miss", out JsonElement miss) ? miss.GetString() : "")}"));

    private Task<WorkerProcess> StartAsync(string name, StoreServer redis) =>
        WorkerProcess.StartAsync(Path.Combine(_directory, name), "--slots", "2", "--farm", FarmTests.FarmOf(redis));
}
