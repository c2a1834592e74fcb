using System.Collections.Concurrent;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Placement;

/// <summary>
/// Many races at once, whose runs end at the same instant, fail, or lose their worker: whatever happens, what an action leaves is of one run, and
/// of that one alone.
/// </summary>
public sealed class CommitTests
{
    private const int Actions = 40;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task What_an_action_leaves_is_of_one_run(int seed)
    {
        await using TwoWorkers two = await TwoWorkers.StartAsync(slots: 256, slowClock: new RushingTime());
        await two.LearnAsync();
        Random random = new(seed);
        ConcurrentDictionary<string, Meeting> meetings = new();
        int lastRun = 0;
        int kills = 0;
        two.Any = async (action, cancellationToken) =>
        {
            Meeting meeting = meetings.GetOrAdd(action.Execute.Description, static _ => new Meeting());
            string author = $"run {Interlocked.Increment(ref lastRun)}";
            int fate;
            lock (random)
            {
                fate = random.Next(100);
            }

            // Both runs are there; then they end at the same instant, or nearly.
            await meeting.ArriveAsync(cancellationToken);
            if (fate < 3 && Interlocked.Increment(ref kills) <= 4)
            {
                action.Die();
            }

            if (fate is > 50 and < 75)
            {
                await Task.Delay(fate - 50, CancellationToken.None);
            }

            action.Say(author + "\n");
            string directory = two.Fixture.Files.At("obj/" + action.Execute.Description);
            Wire.Completed completed = new() { Exit = new Wire.Exit { Code = 0 }, Timings = new Wire.Timings { ToolMs = 5 } };
            for (int file = 0; file < 5; file++)
            {
                completed.Outputs.AddRange(two.Write($"{directory}/{file}", $"{author} {file}").Outputs);
            }

            return completed;
        };

        (string Name, string Text, Wire.DoorReply Reply)[] all = await Task.WhenAll(Enumerable.Range(0, Actions).Select(async index =>
        {
            Wire.Run run = two.NewRun();
            run.Description = $"action-{index}";
            run.OutputFiles.Clear();
            Directory.CreateDirectory(two.Fixture.Files.At("obj/" + run.Description));
            for (int file = 0; file < 5; file++)
            {
                run.OutputFiles.Add(two.Fixture.Files.At($"obj/{run.Description}/{file}"));
            }

            string text = "";
            Wire.DoorReply reply = await two.Fixture.Runner.RunAsync(
                run,
                null,
                chunk =>
                {
                    text += chunk.Data.ToStringUtf8();
                    return ValueTask.CompletedTask;
                },
                two.Fixture.Input.Reader,
                Cancellation,
                CancellationToken.None);
            return (run.Description, text, reply);
        }));

        Assert.All(all, action =>
        {
            string[] files = [.. Directory.GetFiles(two.Fixture.Files.At("obj/" + action.Name)).Order().Select(File.ReadAllText)];
            if (action.Reply.Done is null)
            {
                Assert.Equal("REPR1201", action.Reply.NotRun?.Code); // its workers died again and again
                Assert.Empty(files);
                return;
            }

            string author = action.Text.TrimEnd('\n'); // one line: of one run
            Assert.Equal(Enumerable.Range(0, 5).Select(file => $"{author} {file}"), files);
        });
        two.AssertNothingLeft();

        // How many met is a matter of this machine's speed.
        Assert.InRange(two.Races().Count, 1, Actions + two.Learned);
    }

    // Two runs meet, or one comes again and again.
    private sealed class Meeting
    {
        private readonly TaskCompletionSource _both = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _arrived;

        public async Task ArriveAsync(CancellationToken cancellationToken)
        {
            if (Interlocked.Increment(ref _arrived) == 2)
            {
                _both.SetResult();
            }

            // Where workers died too often there is no second run any more.
            await Task.WhenAny(_both.Task, Task.Delay(TimeSpan.FromSeconds(5), cancellationToken));
        }
    }

    // For it nobody has lost a race lately: all of them are to be run here.
    private sealed class RushingTime : TimeProvider
    {
        private long _hours;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddHours(Interlocked.Increment(ref _hours));
    }
}
