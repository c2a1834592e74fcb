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

    [Fact]
    public async Task A_failure_is_no_verdict_even_when_the_tool_ignores_it()
    {
        Files.AddFile("/src/file", "x");
        Files.BeforeAnswer = async (path, _) =>
        {
            await Task.Yield();
            if (path.Name == "file")
            {
                throw new ReprException(ReprErrorCode.InvalidInput, "It changed.");
            }
        };

        ReprException exception = await Assert.ThrowsAsync<ReprException>(() => RunAsync("cat file; exit 0"));

        Assert.Equal("It changed.", exception.Message);
    }

    [Fact]
    public async Task A_tool_that_waits_for_an_answer_can_be_cancelled()
    {
        TaskCompletionSource asked = new();
        Files.BeforeAnswer = async (path, _) =>
        {
            if (path.Name == "never")
            {
                asked.TrySetResult();
                await new TaskCompletionSource().Task; // a source that does not heed cancellation
            }
        };
        using CancellationTokenSource cancelling = new();
        await using IWorkspace workspace = await Provider.CreateAsync(NewStaging(), 0, Shell("cat never"), Files, Cancellation);
        Task<ToolRun> run = workspace.RunAsync(new CollectedText(), input: null, cancelling.Token).AsTask();
        await asked.Task.WaitAsync(Cancellation);

        await cancelling.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(TimeSpan.FromSeconds(20), Cancellation));
    }

    [Fact]
    public async Task Each_content_is_asked_for_once()
    {
        Files.AddFile("/src/f", "x");

        await RunAsync("cat f f f; cat f");

        Assert.Equal(1, Files.Opened[VirtualPath.Parse("/src/f")]);
    }

    [Fact]
    public async Task A_large_file_is_read_whole()
    {
        string line = new('x', 99);
        Files.AddFile("/src/large", string.Concat(Enumerable.Repeat(line + "\n", 300_000)));

        Outcome outcome = await RunAsync("wc -c < large; cp large copy; tail -n 1 copy | wc -c");

        Assert.Equal("30000000\n100\n", outcome.Text);
        Assert.Equal(30_000_000, outcome.Contents["/src/copy"].Length);
    }

    [Fact]
    public async Task A_directory_of_thousands_is_listed_whole()
    {
        for (int i = 0; i < 5000; i++)
        {
            Files.AddFile($"/src/many/file-with-a-rather-long-name-{i}", "");
        }

        Outcome outcome = await RunAsync("ls many | wc -l; find many -type f | wc -l");

        Assert.Equal("5000\n5000\n", outcome.Text);
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
