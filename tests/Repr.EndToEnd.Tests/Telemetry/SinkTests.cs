using System.Globalization;
using System.Text.Json;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.Testing.Servers;

namespace Repr.EndToEnd.Tests.Telemetry;

/// <summary>Sinks in the requester process and in a worker, and the report of a build.</summary>
public sealed class SinkTests : IDisposable
{
    private static readonly string Diary = Path.Combine(
        Repository.Root, $"tests/Repr.Telemetry.TestPlugin/bin/{Repository.Configuration}/net10.0/Repr.Telemetry.TestPlugin.dll");

    private readonly string _directory = Directory.CreateTempSubdirectory("repr-sinks-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_report_names_the_file_that_was_not_predicted_and_what_it_cost()
    {
        await using WorkerProcess worker = await WorkerProcess.StartAsync(_directory);
        await using Front front = NewFront(worker);
        string hidden = front.PathOf("hidden.txt");
        File.WriteAllText(hidden, "x");
        front.Environment["REPR_BUILD_ID"] = "first";
        Assert.Equal("x", (await front.ExecAsync("--fail", "sh", "-c", "cat $(echo hid)den.txt")).Output);
        front.Environment["REPR_BUILD_ID"] = "second";
        Assert.Equal("x", (await front.ExecAsync("--fail", "sh", "-c", "cat $(echo hid)den.txt")).Output);
        front.Environment["REPR_ENDPOINT"] = "http://127.0.0.1:1";
        Assert.Equal(0, (await front.ExecAsync("true")).ExitCode);

        JsonElement first = await ReportAsync(front, "first");
        JsonElement missed = Assert.Single(
            first.GetProperty("missed").EnumerateArray(), path => path.GetProperty("path").GetString() == hidden);
        Assert.True(missed.GetProperty("questions").GetInt32() >= 1);
        Assert.True(missed.GetProperty("lost_ms").GetDouble() > 0);
        Assert.Equal(1, first.GetProperty("remote").GetInt32());
        Assert.Equal(
            first.GetProperty("questions").GetInt32(), first.GetProperty("missed").EnumerateArray().Sum(path => path.GetProperty("questions").GetInt32()));

        // What was asked once is predicted the next time. The newest record is shown if none is named.
        JsonElement second = await ReportAsync(front, "");
        Assert.Equal("second", second.GetProperty("build").GetString());
        Assert.DoesNotContain(second.GetProperty("missed").EnumerateArray(), path => path.GetProperty("path").GetString() == hidden);
        Assert.Equal((1, 1), (second.GetProperty("remote").GetInt32(), second.GetProperty("not_run").GetInt32()));
        Assert.Equal("REPR1101", Assert.Single(second.GetProperty("reasons").EnumerateArray()).GetProperty("code").GetString());

        string text = (await front.ScriptAsync("$repr report first --top 1000")).Output;
        Assert.Contains("Build first: 1 action in", text, StringComparison.Ordinal);
        Assert.Contains(hidden, text, StringComparison.Ordinal);
        Assert.Contains("1 not run remotely", (await front.ScriptAsync("$repr report second")).Output, StringComparison.Ordinal);
        FrontRun none = await front.ScriptAsync("$repr report third");
        Assert.Equal(1, none.ExitCode);
        Assert.Contains("'third'", none.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prometheus_gets_the_metrics_of_a_worker()
    {
        int port = FreePort.Take();
        string settings = Settings("worker.json", new { Plugin = "prometheus", Options = new { Listen = $"http://127.0.0.1:{port}" } });
        await using WorkerProcess worker = await WorkerProcess.StartAsync(_directory, "--slots", "3", "--config", settings);
        await using (Front front = NewFront(worker))
        {
            Assert.Equal("hello\n", (await front.ExecAsync("--fail", "echo", "hello")).Output);
        }

        using HttpClient client = new();
        string metrics = await client.GetStringAsync($"http://127.0.0.1:{port}/metrics", Cancellation);

        Assert.Equal(1, ValueOf("repr_worker_action_duration_seconds_count", "repr_action_outcome=\"completed\""));
        Assert.True(ValueOf("repr_worker_question_duration_seconds_count") > 0);
        Assert.Equal(3, ValueOf("repr_worker_slot_limit"));
        Assert.Equal(0, ValueOf("repr_worker_slot_usage"));
        Assert.Equal(0, ValueOf("repr_worker_queue_length"));
        Assert.True(ValueOf("repr_cas_size_bytes") > 0);
        Assert.True(ValueOf("repr_cas_lookups_total", "repr_cas_result=\"hit\"") > 0);
        Assert.True(ValueOf("repr_cas_io_bytes_total", "disk_io_direction=\"write\"") > 0);

        double ValueOf(string name, string label = "") => double.Parse(
            Assert.Single(metrics.Split('\n'), line => line.StartsWith(name + "{", StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
                .Split("} ")[1].Split(' ')[0],
            CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task A_sink_of_somebody_else_gets_the_events_of_both_sides()
    {
        string diary = Path.Combine(_directory, "diary");
        object ours = new { Plugin = Diary, Options = new { File = diary } };
        object jsonl = new { Plugin = "jsonl", Options = new { Directory = Path.Combine(_directory, "jsonl") } };
        await using (WorkerProcess worker = await WorkerProcess.StartAsync(_directory, "--config", Settings("worker.json", ours)))
        {
            await using (Front front = NewFront(worker, Settings("requester.json", ours, jsonl)))
            {
                front.Environment["REPR_BUILD_ID"] = "b1";
                Assert.Equal(5, (await front.ExecAsync("--fail", "sh", "-c", "exit 5")).ExitCode);
            }

            await worker.StopAsync();
        }

        string[] lines = await File.ReadAllLinesAsync(diary, Cancellation);
        Assert.StartsWith("start of repr-worker 0.1.0", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith("start of repr-requester", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("executed: sh", StringComparison.Ordinal) && line.EndsWith("Code 5", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("Remote: sh", StringComparison.Ordinal) && line.EndsWith("in b1", StringComparison.Ordinal));
        Assert.Equal("end of b1: 1 remote", lines.Last(line => line.StartsWith("end", StringComparison.Ordinal)));
        Assert.Equal(
            ["action", "build"],
            File.ReadAllLines(Path.Combine(_directory, "jsonl/b1.jsonl")).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("event").GetString()));
    }

    [Theory]
    [InlineData("Throw", "Write")]
    [InlineData("Hang", "Write")]
    [InlineData("Write", "Throw")]
    [InlineData("Write", "Hang")]
    [InlineData("Write", "Block")]
    public async Task A_sink_that_misbehaves_breaks_no_build_and_is_told_once(string onStart, string onEvent)
    {
        string settings = Settings("both.json", new { Plugin = Diary, Options = new { File = Path.Combine(_directory, "diary"), OnStart = onStart, OnEvent = onEvent } });
        await using WorkerProcess worker = await WorkerProcess.StartAsync(_directory, "--config", settings);
        Front front = NewFront(worker, settings);
        string log = Path.Combine(front.Environment["REPR_CACHE_DIR"], "requester.log");
        for (int index = 0; index < 3; index++)
        {
            Assert.Equal("hello\n", (await front.ExecAsync("--fail", "echo", "hello")).Output);
        }

        await front.ScriptAsync("$repr shutdown");
        while (!File.ReadAllText(log).Contains("diary", StringComparison.Ordinal))
        {
            await Task.Delay(20, Cancellation);
        }

        await worker.StopAsync();
        Assert.Single(await File.ReadAllLinesAsync(log, Cancellation), line => line.Contains("Telemetry 'diary'", StringComparison.Ordinal));
        Assert.Single(worker.Log.Split('\n'), line => line.Contains("Telemetry 'diary'", StringComparison.Ordinal));
        await front.DisposeAsync();
    }

    [Fact]
    public async Task A_collector_that_is_away_breaks_no_build_and_is_told_once()
    {
        string settings = Settings("both.json", new { Plugin = "otlp", Options = new { Endpoint = $"http://127.0.0.1:{FreePort.Take()}", MetricsSeconds = 1 } });
        await using WorkerProcess worker = await WorkerProcess.StartAsync(_directory, "--config", settings);
        Front front = NewFront(worker, settings);
        string log = Path.Combine(front.Environment["REPR_CACHE_DIR"], "requester.log");
        Assert.Equal("hello\n", (await front.ExecAsync("--fail", "echo", "hello")).Output);
        await front.ScriptAsync("$repr shutdown");
        while (!File.ReadAllText(log).Contains("is lost", StringComparison.Ordinal))
        {
            await Task.Delay(20, Cancellation);
        }

        await worker.StopAsync();
        Assert.Single(await File.ReadAllLinesAsync(log, Cancellation), line => line.Contains("is lost", StringComparison.Ordinal));
        Assert.Single(worker.Log.Split('\n'), line => line.Contains("is lost", StringComparison.Ordinal));
        await front.DisposeAsync();
    }

    private static Front NewFront(WorkerProcess worker, string? settings = null)
    {
        Front front = new(worker.Address);
        if (settings is not null)
        {
            front.Environment["REPR_CONFIG"] = settings;
        }

        return front;
    }

    private static async Task<JsonElement> ReportAsync(Front front, string build)
    {
        FrontRun run = await front.ScriptAsync($"$repr report {build} --json --top 1000");
        Assert.True(run.ExitCode == 0, run.Error);
        return JsonDocument.Parse(run.Output).RootElement;
    }

    private string Settings(string name, params object[] telemetry)
    {
        string path = Path.Combine(_directory, name);
        File.WriteAllText(path, JsonSerializer.Serialize(new { Telemetry = telemetry }));
        return path;
    }
}
