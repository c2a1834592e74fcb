using Microsoft.Extensions.Time.Testing;
using Repr.Requester.Telemetry;

namespace Repr.Requester.Tests.Telemetry;

/// <summary>When a build begins and ends, although nobody says so.</summary>
public sealed class BuildsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Builds _builds;

    public BuildsTests() => _builds = new Builds(_time);

    [Fact]
    public void A_build_ends_when_none_of_its_actions_has_run_for_a_while()
    {
        RunningBuild build = _builds.Enter("a", "");
        Assert.Same(build, _builds.Enter("a", ""));
        Assert.NotSame(build, _builds.Enter("b", ""));
        Leave(build, ActionOutcome.Remote);
        _time.Advance(2 * Builds.Idle);
        Assert.Empty(_builds.EndIdle(atOnce: false)); // one still runs

        DateTimeOffset last = _time.GetUtcNow();
        Leave(build, ActionOutcome.NotRun);
        _time.Advance(Builds.Idle / 2);
        Assert.Empty(_builds.EndIdle(atOnce: false));
        _time.Advance(Builds.Idle / 2);
        BuildEnded ended = Assert.Single(_builds.EndIdle(atOnce: false));

        Assert.Equal(("a", 1, 1, 2L), (ended.BuildId, ended.Remote, ended.NotRun, ended.AskedBack));
        Assert.Equal(last, ended.Time);
        Assert.NotSame(build, _builds.Enter("a", ""));
    }

    [Fact]
    public void The_end_of_the_process_ends_what_does_not_run()
    {
        Leave(_builds.Enter("a", ""), ActionOutcome.Remote);
        _builds.Enter("b", "");

        Assert.Equal("a", Assert.Single(_builds.EndIdle(atOnce: true)).BuildId);
    }

    private void Leave(RunningBuild build, ActionOutcome outcome) => _builds.Leave(build, new ActionCompleted
    {
        Time = _time.GetUtcNow(),
        Description = "Tool test",
        Outcome = outcome,
        Worker = "w",
        Attempts = 1,
        Mapped = 0,
        AskedBack = 1,
        UploadedFiles = 0,
        UploadedBytes = 0,
        DownloadedFiles = 0,
        DownloadedBytes = 0,
        RequestBytes = 0,
        TotalMs = 0,
        UploadMs = 0,
        QueueMs = 0,
        ToolMs = 0,
        DownloadMs = 0,
        Asked = [],
        Served = [],
    });
}
