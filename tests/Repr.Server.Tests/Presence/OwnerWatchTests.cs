using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Repr.Server.Presence;

namespace Repr.Server.Tests.Presence;

/// <summary>When a machine takes actions, by who is there and how busy it is.</summary>
public sealed class OwnerWatchTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly Someone _someone = new();
    private readonly OwnerGate _gate = new();
    private readonly string _statistics = Path.GetTempFileName();
    private int _announced;
    private int _released;
    private long _user;
    private long _niced;
    private long _all;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _gate.Dispose();
        File.Delete(_statistics);
    }

    [Fact]
    public async Task It_takes_actions_when_nobody_has_been_there_for_long_enough()
    {
        _someone.Away = TimeSpan.FromSeconds(299);
        await using OwnerWatch watch = await StartAsync(new IdleRule(TimeSpan.FromMinutes(5), 0));
        Assert.False(_gate.IsOpen);

        _someone.Away = TimeSpan.FromSeconds(300);
        await LookAgainAsync();

        Assert.True(_gate.IsOpen);
        Assert.Equal(1, _announced);
    }

    [Fact]
    public async Task Who_comes_back_gets_the_machine_at_the_next_look_and_what_runs_is_stopped()
    {
        _someone.Away = TimeSpan.MaxValue;
        await using OwnerWatch watch = await StartAsync(new IdleRule(TimeSpan.FromMinutes(5), 0));
        CancellationToken running = _gate.Enter();

        _someone.Away = TimeSpan.Zero;
        await LookAgainAsync();

        Assert.True(running.IsCancellationRequested);
        ReprException refused = Assert.Throws<ReprException>(() => { _gate.Enter(); });
        Assert.Equal(ReprErrorCode.Unavailable, refused.Code);
        Assert.Equal((2, 1), (_announced, _released));

        // Actions that come when he has gone again are not those that were stopped.
        _someone.Away = TimeSpan.MaxValue;
        await LookAgainAsync();
        Assert.False(_gate.Enter().IsCancellationRequested);
    }

    [Fact]
    public async Task Nobody_is_sent_here_any_more_when_what_runs_is_stopped()
    {
        _someone.Away = TimeSpan.MaxValue;
        bool? wasStopped = null;
        CancellationToken running = default;
        await using OwnerWatch watch = await StartAsync(new IdleRule(TimeSpan.Zero, 0), () => wasStopped = _announced == 2 ? running.IsCancellationRequested : null);
        running = _gate.Enter();

        _someone.Away = TimeSpan.Zero;
        await LookAgainAsync();

        Assert.False(wasStopped);
        Assert.True(running.IsCancellationRequested);
    }

    [Fact]
    public async Task What_cannot_be_told_counts_as_presence()
    {
        _someone.Away = TimeSpan.MaxValue;
        await using OwnerWatch watch = await StartAsync(new IdleRule(TimeSpan.Zero, 0));
        Assert.True(_gate.IsOpen);

        _someone.Away = null;
        await LookAgainAsync();
        Assert.False(_gate.IsOpen);

        _someone.Away = TimeSpan.FromHours(1);
        await LookAgainAsync();
        Assert.True(_gate.IsOpen);
    }

    [Fact]
    public async Task A_low_load_is_enough_where_it_counts_and_niced_work_is_no_load()
    {
        _someone.Away = TimeSpan.Zero;
        Busy(0, 0);
        await using OwnerWatch watch = await StartAsync(new IdleRule(TimeSpan.FromSeconds(3), 0.5));
        Assert.False(_gate.IsOpen);

        for (int second = 0; second < 6; second++)
        {
            Busy(user: 10, niced: 380); // of 400 ticks on 4 processors
            await LookAgainAsync();
        }

        Assert.True(_gate.IsOpen);

        for (int second = 0; second < 3; second++)
        {
            Busy(user: 200, niced: 200);
            await LookAgainAsync();
        }

        Assert.False(_gate.IsOpen);
    }

    private void Busy(long user, long niced)
    {
        _user += user;
        _niced += niced;
        _all += 400;
        File.WriteAllText(_statistics + ".new", $"cpu  {_user} {_niced} 0 {_all - _user - _niced} 0 0 0 0 0 0\ncpu0 0\ncpu1 0\ncpu2 0\ncpu3 0\nintr 0\n");
        File.Move(_statistics + ".new", _statistics, overwrite: true);
    }

    private async Task<OwnerWatch> StartAsync(IdleRule rule, Action? announced = null)
    {
        OwnerWatch watch = new(
            _someone,
            new ProcessorUse(_statistics),
            rule,
            _gate,
            _ =>
            {
                _announced++;
                announced?.Invoke();
                return Task.CompletedTask;
            },
            () =>
            {
                _released++;
                return Task.CompletedTask;
            },
            _time,
            NullLogger<OwnerWatch>.Instance);
        await watch.StartAsync(Cancellation);
        return watch;
    }

    private async Task LookAgainAsync()
    {
        int looks = _someone.Looks;
        _time.Advance(TimeSpan.FromSeconds(1));
        while (_someone.Looks < looks + 1)
        {
            await Task.Delay(1, Cancellation);
        }

        // The look has been answered; what follows from it, as soon as the next begins.
        _time.Advance(TimeSpan.FromSeconds(1));
        while (_someone.Looks < looks + 2)
        {
            await Task.Delay(1, Cancellation);
        }
    }

    private sealed class Someone : IPresence
    {
        private volatile int _looks;

        public string Name => "a test";

        public int Looks => _looks;

        public TimeSpan? Away { get; set; }

        public ValueTask<TimeSpan> LookAsync(CancellationToken cancellationToken)
        {
            _looks++;
            return ValueTask.FromResult(Away ?? throw new PresenceException("It can't be told."));
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
