using System.Diagnostics;
using System.Globalization;
using Repr.EndToEnd.Tests.Exec;

namespace Repr.EndToEnd.Tests.Discovery;

/// <summary>Tools that run on workers of this machine until the test lets them go on: whether two run at once is not left to their speed.</summary>
internal sealed class HeldTools
{
    private static int s_last;

    private readonly string _seconds = string.Create(CultureInfo.InvariantCulture, $"86400.{Environment.ProcessId}{Interlocked.Increment(ref s_last):000}");

    /// <summary>What a shell's script waits in.</summary>
    public string Command => "sleep " + _seconds;

    /// <summary>Those that wait now, by their numbers. (With the end of an argument between the words: no shell that was told to run it.)</summary>
    public IReadOnlyList<int> Waiting => ProcessTable.Find($"sleep\0{_seconds}");

    /// <summary>Waits until as many tools run at the same time.</summary>
    public async Task WaitForAsync(int count, Task caller)
    {
        while (Waiting.Count != count)
        {
            if (caller.IsCompleted)
            {
                await caller;
                Assert.Fail($"It has ended before {count} of its tools ran at once.");
            }

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
