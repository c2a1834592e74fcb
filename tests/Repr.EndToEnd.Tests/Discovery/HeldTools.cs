using System.Diagnostics;
using System.Globalization;
using Repr.EndToEnd.Tests.Exec;

namespace Repr.EndToEnd.Tests.Discovery;

/// <summary>Tools that run on workers of this machine until the test lets them go on: whether two run at once is not left to their speed.</summary>
internal sealed class HeldTools
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(4); // so that the tests after it are run, too

    private static int s_last;

    private readonly string _seconds = string.Create(CultureInfo.InvariantCulture, $"86400.{Environment.ProcessId}{Interlocked.Increment(ref s_last):000}");

    /// <summary>What a shell's script waits in.</summary>
    public string Command => "sleep " + _seconds;

    /// <summary>Those that wait now, by their numbers. (With the end of an argument between the words: no shell that was told to run it.)</summary>
    public IReadOnlyList<int> Waiting => ProcessTable.Find($"sleep\0{_seconds}");

    /// <summary>Waits until as many tools run at the same time.</summary>
    public Task WaitForAsync(int count, Task caller) => WaitForAsync(running => running.Count == count, count, caller);

    /// <summary>Waits until a tool runs.</summary>
    /// <returns>The number of the one that was started first.</returns>
    public async Task<int> WaitForFirstAsync(Task caller) => (await WaitForAsync(static running => running.Count > 0, 1, caller)).Min();

    private async Task<IReadOnlyList<int>> WaitForAsync(Func<IReadOnlyList<int>, bool> isEnough, int count, Task caller)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            IReadOnlyList<int> running = Waiting;
            if (isEnough(running))
            {
                return running;
            }

            if (caller.IsCompleted)
            {
                await caller;
                Assert.Fail($"It has ended before {count} of its tools ran at once.");
            }

            Assert.True(Stopwatch.GetElapsedTime(start) < s_limit, $"{running.Count} tools run after {s_limit}, not {count}.");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Lets all go on that wait now, or come to wait before the caller has ended.</summary>
    public async Task ReleaseAsync(Task caller)
    {
        while (!caller.IsCompleted)
        {
            foreach (int id in Waiting)
            {
                using Process kill = Process.Start("kill", [id.ToString(CultureInfo.InvariantCulture)]);
                await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
            }

            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
