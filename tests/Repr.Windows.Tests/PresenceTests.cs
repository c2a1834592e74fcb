using System.Diagnostics;
using System.Text;
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
        await using WinePrefix wine = await WinePrefix.CreateAsync(standIns: true);
        StringBuilder log = new();
        using Process worker = wine.Start(
            @"C:\repr\repr.exe",
            ["serve", "--only-when-idle", "--listen", "http://127.0.0.1:0", "--data", @"C:\data", "--port-file", @"C:\port"]);
        worker.OutputDataReceived += (_, line) => Append(line.Data);
        worker.ErrorDataReceived += (_, line) => Append(line.Data);
        worker.BeginOutputReadLine();
        worker.BeginErrorReadLine();
        try
        {
            while (!File.Exists(wine.Local(@"C:\port")))
            {
                Assert.False(worker.HasExited, Log());
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }

            Assert.Contains("by its sessions", Log(), StringComparison.Ordinal);
            Assert.Contains("it takes no actions until it can: Windows does not list its sessions", Log(), StringComparison.Ordinal); // Wine has none
        }
        finally
        {
            worker.Kill(entireProcessTree: true);
        }

        void Append(string? line)
        {
            lock (log)
            {
                log.AppendLine(line);
            }
        }

        string Log()
        {
            lock (log)
            {
                return log.ToString();
            }
        }
    }
}
