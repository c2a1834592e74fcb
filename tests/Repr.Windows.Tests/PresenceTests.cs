using Repr.Workspaces.Windows;

namespace Repr.Windows.Tests;

/// <summary>Whether somebody sits at a machine with Windows.</summary>
public sealed class PresenceTests
{
    private const long Minute = TimeSpan.TicksPerMinute;
    private const long Now = 134_000_000_000_000_000; // 100 ns since 1601

    [Theory]
    [InlineData(SessionsNative.Active, Now - (3 * Minute), 3 * Minute)]
    [InlineData(SessionsNative.Active, Now, 0L)]
    [InlineData(SessionsNative.Active, Now + Minute, 0L)] // clocks may be set
    [InlineData(SessionsNative.Active, 0L, 0L)] // Windows does not say since when
    [InlineData(4, Now - (3 * Minute), null)] // disconnected: nobody sees it
    public void A_session_is_used_since_the_last_input(int state, long lastInput, long? unused)
    {
        SessionsNative.Information session = new() { State = state, LastInputTime = lastInput, CurrentTime = Now };

        Assert.Equal(unused, WindowsSessions.UnusedFor(in session)?.Ticks);
    }

    [Fact]
    public async Task A_worker_that_cannot_be_told_who_is_there_takes_nothing_and_says_why()
    {
        await using WindowsWorker worker = new() { Arguments = ["--only-when-idle"] };

        await worker.InitializeAsync();

        const string Blind = "it takes no actions until it can: Windows does not list its sessions"; // Wine has none
        using CancellationTokenSource patience = new(TimeSpan.FromMinutes(1)); // what it writes comes a little later
        while (!worker.Log.Contains(Blind, StringComparison.Ordinal) && !patience.IsCancellationRequested)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.Contains("by its sessions", worker.Log, StringComparison.Ordinal);
        Assert.Contains(Blind, worker.Log, StringComparison.Ordinal);
    }
}
