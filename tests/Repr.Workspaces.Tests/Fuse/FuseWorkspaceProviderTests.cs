using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Testing;

namespace Repr.Workspaces.Tests.Fuse;

[SupportedOSPlatform("linux")]
public sealed class FuseWorkspaceProviderTests : WorkspaceProviderContract
{
    protected override ValueTask<IWorkspaceProvider> CreateProviderAsync(CancellationToken cancellationToken) =>
        WorkspaceProviders.CreateAsync(WorkspaceProviders.Fuse, TimeProvider.System, NullLogger.Instance, cancellationToken);

    [Fact]
    public async Task Slow_answers_are_waited_for_all_at_once()
    {
        for (int i = 0; i < 100; i++)
        {
            Files.AddFile($"/src/slow/{i}", $"{i}\n");
        }

        int waiting = 0;
        int most = 0;
        Files.BeforeAnswer = async (path, cancellationToken) =>
        {
            if (path.Text.StartsWith("/src/slow/", StringComparison.Ordinal))
            {
                int now = Interlocked.Increment(ref waiting);
                InterlockedMax(ref most, now);
                await Task.Delay(TimeSpan.FromSeconds(0.5), TimeProvider.System, cancellationToken);
                Interlocked.Decrement(ref waiting);
            }
        };

        Outcome outcome = await RunAsync("for i in $(seq 0 99); do cat slow/$i & done; wait");

        Assert.Equal(100, outcome.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct().Count());
        Assert.InRange(most, 20, 200);
    }

    [Fact]
    public async Task The_memory_of_the_largest_process_is_told()
    {
        // tail keeps all that it may have to write.
        Outcome outcome = await RunAsync("head -c 60000000 /dev/zero | tail -c 60000000 | wc -c");

        Assert.Equal("60000000\n", outcome.Text);
        Assert.InRange(outcome.Run.PeakBytes, 60_000_000, 200_000_000);
    }

    [Fact]
    public async Task A_failure_of_the_source_is_no_verdict_and_the_first_one_wins()
    {
        Files.BeforeAnswer = (path, _) => path.Name switch
        {
            "first" => throw new ReprException(ReprErrorCode.Refused, "The first."),
            "second" => throw new ReprException(ReprErrorCode.Unavailable, "The second."),
            _ => ValueTask.CompletedTask,
        };

        ReprException exception = await Assert.ThrowsAsync<ReprException>(
            () => RunAsync("cat first; cat second; sleep 1000"));

        Assert.Equal((ReprErrorCode.Refused, "The first."), (exception.Code, exception.Message));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (int seen = Volatile.Read(ref target); value > seen;)
        {
            int before = Interlocked.CompareExchange(ref target, value, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }
}
