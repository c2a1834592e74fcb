using Repr.Requester.Actions;
using Repr.Requester.Placement;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Placement;

/// <summary>What is learned of durations, from build to build.</summary>
public sealed class WorkHistoryTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void An_action_is_expected_to_take_what_it_took_else_what_its_like_took()
    {
        WorkHistory history = new(null, TimeProvider.System);
        Assert.Null(history.Find(Request("Csc A", "a")));

        history.Note(Request("Csc A", "a"), Took(100, 20));
        ExpectedWork own = history.Find(Request("Csc A", "a"))!.Value;
        Assert.True(own.IsOwn);
        Assert.Equal(120, own.Work.MeanMs, 6);
        Assert.Equal((100, 20), (own.ToolMs, own.SetupMs));
        Assert.Null(history.Find(Request("Csc B", "b"))); // one says nothing of others

        foreach (string name in (string[])["C", "D", "E"])
        {
            history.Note(Request("Csc " + name, name), Took(100, 20));
        }

        Assert.False(history.Find(Request("Csc B", "b"))!.Value.IsOwn);
        Assert.Null(history.Find(Request("Link B", "link b")));
    }

    [Fact]
    public void It_is_kept_from_process_to_process_and_damage_costs_what_is_damaged()
    {
        string path = _files.At("durations");
        WorkHistory first = new(path, TimeProvider.System);
        first.Note(Request("Csc A", "a"), Took(100, 20));
        first.Note(Request("Csc A", "a"), Took(140, 20));
        first.Save(atOnce: true);

        WorkHistory second = new(path, TimeProvider.System);
        Assert.Equal(first.Find(Request("Csc A", "a")), second.Find(Request("Csc A", "a")));
        Assert.Equal(first.MeanMs, second.MeanMs);

        File.AppendAllText(path, "own-x 1 NaN 2 3 4\nnonsense\nown-y -1 1 1 1 1\n\0\0");
        Assert.Equal(first.Find(Request("Csc A", "a")), new WorkHistory(path, TimeProvider.System).Find(Request("Csc A", "a")));
        File.WriteAllBytes(path, [0xFF, 0xFE, 0x00, 0x80]);
        Assert.Null(new WorkHistory(path, TimeProvider.System).Find(Request("Csc A", "a")));
        Assert.Null(new WorkHistory(_files.At("missing/durations"), TimeProvider.System).Find(Request("Csc A", "a")));
        Assert.Equal(["durations"], Directory.GetFiles(_files.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Its_file_is_read_when_somebody_asks_and_what_was_noted_before_counts()
    {
        string path = _files.At("durations");
        WorkHistory early = new(path, TimeProvider.System);
        early.Note(Request("Csc A", "a"), Took(140, 20));
        WorkHistory other = new(path, TimeProvider.System);
        other.Note(Request("Csc A", "a"), Took(100, 20));
        other.Save(atOnce: true);

        WorkHistory expected = new(null, TimeProvider.System);
        expected.Note(Request("Csc A", "a"), Took(100, 20));
        expected.Note(Request("Csc A", "a"), Took(140, 20));
        Assert.Equal(expected.Find(Request("Csc A", "a")), early.Find(Request("Csc A", "a")));
    }

    [Fact]
    public void Where_nobody_asks_what_was_noted_is_added_to_the_file_in_the_end()
    {
        string path = _files.At("durations");
        foreach (double toolMs in (double[])[100, 140])
        {
            WorkHistory process = new(path, TimeProvider.System);
            process.Note(Request("Csc A", "a"), Took(toolMs, 20));
            process.Save(atOnce: true);
        }

        Assert.Equal(2, new WorkHistory(path, TimeProvider.System).Find(Request("Csc A", "a"))!.Value.Work.Count);
    }

    [Fact]
    public void What_is_no_time_is_not_noted()
    {
        WorkHistory history = new(null, TimeProvider.System);
        history.Note(Request("Csc A", "a"), Took(double.NaN, 0));
        history.Note(Request("Csc A", "a"), Took(-5, 0));

        Assert.Null(history.Find(Request("Csc A", "a")));
    }

    private static ActionTimings Took(double toolMs, double setupMs) => new(0, setupMs / 2, toolMs, 0, setupMs / 2, 0);

    private ActionRequest Request(string description, string key)
    {
        Wire.Run run = new()
        {
            Endpoint = "http://worker:1",
            Command = new Wire.Command { WorkingDirectory = _files.Path, Arguments = { "/bin/true" } },
            Description = description,
            PredictionKey = key,
        };
        return ActionRequest.Parse(run, RequesterFixture.Predictors);
    }
}
