using System.Text.Json;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Telemetry;

/// <summary>The plugin "otlp", in the requester process and the worker of real builds, against a collector of the test's own.</summary>
public sealed class TracingTests(PackedSdk sdk)
{
    private static readonly string[] OfTheWorker = ["queue", "setup", "hydrate", "tool", "question", "collect"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_build_is_one_trace_of_requester_and_worker()
    {
        await using OtlpReceiver collector = await OtlpReceiver.StartAsync(grpc: true);
        SmallProject project = new(sdk, "Alpha", "Beta");
        string settings = Settings(Path.Combine(project.Directory, "settings.json"), collector, "Grpc");
        await using (WorkerProcess worker = await WorkerProcess.StartAsync(project.Directory + "-worker", "--config", settings))
        {
            BuildRun build = await PackedSdk.RunAsync(
                project.Directory,
                ["build", "Small.slnx", "-nologo", "-m:2", $"-p:ReprEndpoint={worker.Address}", "-p:ReprBuildId=traced", "-p:ReprFallback=fail"],
                new() { ["REPR_CONFIG"] = settings });
            Assert.True(build.ExitCode == 0, build.Output);
            await PackedSdk.RunAsync(project.Directory, [PackedSdk.ToolOf(project.Directory), "shutdown"], []);
            await WaitAsync(() => collector.Spans.Any(span => span.Name == "build"));
            await worker.StopAsync();
        }

        AssertOneTrace(collector, actions: 2);
        Assert.All(collector.Spans.Where(span => span.Name == "build"), span => Assert.Equal("traced", span.Attributes["repr.build.id"]));
        Assert.Equal(
            ["Csc Alpha", "Csc Beta"],
            collector.Spans.Where(span => span.Name == "action Csc").Select(span => span.Attributes["repr.action.description"]).Order());
        Assert.Equal("s", collector.Units[("repr-requester", "repr.requester.action.duration")]);
        Assert.Equal("By", collector.Units[("repr-requester", "repr.requester.network.io")]);
        Assert.Equal("{slot}", collector.Units[("repr-worker", "repr.worker.slot.limit")]);
        Assert.Equal("By", collector.Units[("repr-worker", "repr.cas.size")]);
        Assert.Contains("s3cret=", collector.Headers);
    }

    [Fact]
    public async Task A_build_that_is_traced_itself_has_its_actions_in_its_own_trace()
    {
        const string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        await using OtlpReceiver collector = await OtlpReceiver.StartAsync(grpc: false);
        Front? front = null;
        string directory = Directory.CreateTempSubdirectory("repr-traced-").FullName;
        string settings = Settings(Path.Combine(directory, "settings.json"), collector, "HttpProtobuf");
        await using (WorkerProcess worker = await WorkerProcess.StartAsync(directory, "--config", settings))
        {
            await using (front = new Front(worker.Address))
            {
                front.Environment["REPR_CONFIG"] = settings;
                front.Environment["TRACEPARENT"] = parent;
                File.WriteAllText(front.PathOf("asked.txt"), "not predicted\n");
                Assert.Equal("not predicted\n", (await front.ExecAsync("--fail", "cat", "asked.txt")).Output);
                Assert.Equal(3, (await front.ExecAsync("--fail", "sh", "-c", "exit 3")).ExitCode);
            }

            await worker.StopAsync();
        }

        ReceivedSpan build = AssertOneTrace(collector, actions: 2, root: "b7ad6b7169203331");
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", build.Trace);
        Assert.Contains(collector.Spans, span => span.Name == "execute sh" && span.Attributes["process.exit.code"] == "3");
        Directory.Delete(directory, recursive: true);
    }

    // Each span has its parent among the others, lies within it, and belongs to the process that it should.
    private static ReceivedSpan AssertOneTrace(OtlpReceiver collector, int actions, string root = "")
    {
        ReceivedSpan[] spans = [.. collector.Spans];
        Dictionary<string, ReceivedSpan> byId = spans.ToDictionary(span => span.Id);
        Assert.Single(spans.Select(span => span.Trace).Distinct());
        ReceivedSpan build = Assert.Single(spans, span => span.Parent == root);
        Assert.Equal(("build", "repr-requester"), (build.Name, build.Service));
        foreach (ReceivedSpan span in spans.Where(span => span != build))
        {
            Assert.True(byId.TryGetValue(span.Parent, out ReceivedSpan? parent), $"{span.Name} of {span.Service} has no parent");
            Assert.True(span.Start >= parent.Start && span.End <= parent.End, $"{span.Name} [{span.Start}, {span.End}] is not within {parent.Name} [{parent.Start}, {parent.End}]");
        }

        ReceivedSpan[] done = [.. spans.Where(span => span.Name.StartsWith("action ", StringComparison.Ordinal))];
        Assert.Equal(actions, done.Length);
        foreach (ReceivedSpan action in done)
        {
            Assert.Equal(build.Id, action.Parent);
            Assert.Equal("remote", action.Attributes["repr.action.outcome"]);
            Assert.Superset(
                new HashSet<string> { "map", "upload", "queue", "execute", "download" },
                spans.Where(span => span.Parent == action.Id).Select(span => span.Name).ToHashSet());
            ReceivedSpan client = Assert.Single(spans, span => span.Parent == action.Id && span.Name == "execute");
            ReceivedSpan server = Assert.Single(spans, span => span.Parent == client.Id && span.Name.StartsWith("execute ", StringComparison.Ordinal));
            Assert.Equal("repr-worker", server.Service);
            Assert.Superset(
                OfTheWorker.Where(name => name != "question").ToHashSet(),
                spans.Where(span => span.Parent == server.Id).Select(span => span.Name).ToHashSet());
        }

        // Whoever asked was answered, across the processes.
        ReceivedSpan[] questions = [.. spans.Where(span => span.Name == "question")];
        Assert.NotEmpty(questions);
        Assert.All(questions, question =>
        {
            ReceivedSpan answer = Assert.Single(spans, span => span.Parent == question.Id);
            Assert.Equal(("answer", "repr-requester"), (answer.Name, answer.Service));
            Assert.Equal(question.Attributes["file.path"], answer.Attributes["file.path"]);
        });
        return build;
    }

    private static string Settings(string path, OtlpReceiver collector, string protocol)
    {
        File.WriteAllText(path, JsonSerializer.Serialize(new
        {
            Telemetry = new[]
            {
                new
                {
                    Plugin = "otlp",
                    Options = new { Endpoint = collector.Address, Protocol = protocol, Headers = new Dictionary<string, string> { ["x-token"] = "s3cret=" } },
                },
            },
        }));
        return path;
    }

    private static async Task WaitAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(20, Cancellation);
        }
    }
}
