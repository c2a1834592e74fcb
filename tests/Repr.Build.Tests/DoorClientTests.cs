using System.Diagnostics;
using System.Net.Sockets;
using Google.Protobuf;
using Repr.Protocol.V1;

namespace Repr.Build.Tests;

/// <summary>The tasks' side of the door, with a requester process that answers as a test wants.</summary>
public sealed class DoorClientTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-door-").FullName;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly DoorClient _client;
    private readonly Run _run = new() { Description = new string('x', 300_000) };

    public DoorClientTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The door is a pipe there.");
        File.SetUnixFileMode(_directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Environment.SetEnvironmentVariable("REPR_RUNTIME_DIR", _directory);
        string tool = Path.Combine(_directory, "repr.dll");
        File.WriteAllText(tool, "");
        _client = new DoorClient(tool);
        _listener.Bind(new UnixDomainSocketEndPoint(DoorAddress.Door(DoorAddress.RuntimeDirectory(), tool)));
        _listener.Listen();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("REPR_RUNTIME_DIR", null);
        _listener.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Text_and_verdict_arrive_in_whatever_pieces_they_come()
    {
        Task<DoorRequest> serving = ServeAsync(Text("a"), Text("b", isError: true), Text(new string('c', 100_000)), Done(7));

        DoorAnswer answer = _client.Run(_run, null, null, Cancellation);

        Assert.Equal(_run.Description, (await serving).Run.Description);
        Assert.Equal((7, 100_001, "b"), (answer.Done!.Code, answer.Output.Length, System.Text.Encoding.UTF8.GetString(answer.Error)));
    }

    [Fact]
    public async Task The_engine_has_its_slot_when_the_end_takes_long_though_text_comes_at_once()
    {
        List<string> events = [];
        Task<DoorRequest> serving = ServeAsync(Text("early"), null, Text("late"), Done(0));

        _client.Run(_run, text => events.Add(text.Data.ToStringUtf8()), () => events.Add("waits"), Cancellation);

        await serving;
        Assert.Single(events, "waits");
        Assert.Equal("late", events[^1]);
    }

    [Fact]
    public async Task Cancelling_ends_it_at_once_and_closes_the_connection()
    {
        using CancellationTokenSource cancelled = new();
        Task<DoorRequest> serving = ServeAsync(new DoorReply());
        long start = Stopwatch.GetTimestamp();
        int waits = 0;

        DoorAnswer answer = _client.Run(
            _run,
            null,
            () =>
            {
                waits++;
                cancelled.CancelAfter(50);
            },
            cancelled.Token);

        await serving;
        Assert.Equal((1, true, false), (waits, answer.NotRun?.Cancelled, answer.IsLost));
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_action_is_lost_when_the_process_dies_before_anything_of_it_was_passed_on(bool hasText)
    {
        Task<DoorRequest> serving = hasText ? ServeAsync(Text("something")) : ServeAsync();

        DoorAnswer answer = _client.Run(_run, _ => { }, null, Cancellation);

        await serving;
        Assert.Equal((MessageCodes.RequesterGone, hasText), (answer.NotRun?.Code, answer.NotRun?.TextPassedOn));
        Assert.Equal(!hasText, answer.IsLost);
    }

    [Fact]
    public async Task A_connection_serves_one_action_after_the_other_and_a_new_one_follows_one_that_ended()
    {
        using DoorConnections kept = new();
        DoorClient client = new(Path.Combine(_directory, "repr.dll"), kept);
        int connections = 0;
        using SemaphoreSlim ended = new(0);
        Task serving = Task.Run(
            async () =>
            {
                foreach (int requests in (int[])[2, 1])
                {
                    using Socket socket = await _listener.AcceptAsync(Cancellation);
                    await using (NetworkStream stream = new(socket))
                    {
                        connections++;
                        for (int count = 0; count < requests; count++)
                        {
                            Assert.True(DoorRequest.Parser.ParseDelimitedFrom(stream).KeepOpen);
                            Done(count).WriteDelimitedTo(stream);
                        }
                    }

                    socket.Close();
                    ended.Release();
                }
            },
            Cancellation);

        Assert.Equal(0, client.Run(_run, null, null, Cancellation).Done?.Code);
        Assert.Equal(1, client.Run(_run, null, null, Cancellation).Done?.Code);
        await ended.WaitAsync(Cancellation);
        Assert.Equal(0, client.Run(_run, null, null, Cancellation).Done?.Code);

        await serving;
        Assert.Equal(2, connections);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_lost_with_a_kept_connection_is_asked_for_at_once_on_a_new_one(bool refreshes)
    {
        using DoorConnections kept = new();
        DoorClient client = new(Path.Combine(_directory, "repr.dll"), kept);
        Task serving = Task.Run(
            async () =>
            {
                using (Socket first = await _listener.AcceptAsync(Cancellation))
                {
                    await using NetworkStream stream = new(first);
                    DoorRequest.Parser.ParseDelimitedFrom(stream);
                    Done(1).WriteDelimitedTo(stream);
                    DoorRequest.Parser.ParseDelimitedFrom(stream); // and ends
                }

                using Socket second = await _listener.AcceptAsync(Cancellation);
                await using NetworkStream again = new(second);
                DoorReply reply = DoorRequest.Parser.ParseDelimitedFrom(again).RequestCase == DoorRequest.RequestOneofCase.Refresh
                    ? new DoorReply { Refresh = new RefreshReply { Removed = { "/gone" } } }
                    : Done(2);
                reply.WriteDelimitedTo(again);
            },
            Cancellation);
        Assert.Equal(1, client.Run(_run, null, null, Cancellation).Done?.Code);

        if (refreshes)
        {
            Assert.Equal(["/gone"], client.Refresh(["/gone"], Cancellation).Removed);
        }
        else
        {
            Assert.Equal(2, client.Run(_run, null, null, Cancellation).Done?.Code);
        }

        await serving;
    }

    [Fact]
    public async Task An_action_is_announced_on_the_connection_on_which_it_is_asked_for()
    {
        using DoorConnections kept = new();
        DoorClient client = new(Path.Combine(_directory, "repr.dll"), kept);
        client.Announce("no connection, no announcement");
        List<string> requests = [];
        Task serving = AnnouncingTaskTests.ServeAsync(_listener, requests);
        client.Run(_run, null, null, Cancellation);

        client.Announce("one");
        Assert.Null(kept.Take());
        Assert.Equal(0, client.Run(_run, null, null, Cancellation).Done?.Code);
        client.Announce("two");
        client.Withdraw();
        client.Withdraw(); // of what was withdrawn
        Assert.Equal(0, client.Run(_run, null, null, Cancellation).Done?.Code);

        kept.Dispose();
        await serving;
        Assert.Equal(["run", "announced one", "run", "announced two", "run"], requests);
    }

    [Fact]
    public async Task An_announcement_that_fails_does_no_harm()
    {
        using DoorConnections kept = new();
        DoorClient client = new(Path.Combine(_directory, "repr.dll"), kept);
        kept.Keep(DoorConnection.TryConnect(DoorAddress.Door(DoorAddress.RuntimeDirectory(), Path.Combine(_directory, "repr.dll")))!);
        using Socket deaf = await _listener.AcceptAsync(Cancellation);
        deaf.Shutdown(SocketShutdown.Receive); // what is written to it fails

        client.Announce("one");

        Assert.Null(kept.Take());
        Task<DoorRequest> serving = ServeAsync(Done(3));
        Assert.Equal(3, client.Run(_run, null, null, Cancellation).Done?.Code);
        await serving;
    }

    [Fact]
    public async Task A_connection_with_an_action_under_way_is_not_kept()
    {
        using DoorConnections kept = new();
        DoorClient client = new(Path.Combine(_directory, "repr.dll"), kept);
        using CancellationTokenSource cancelled = new();
        Task<DoorRequest> serving = ServeAsync(new DoorReply());

        client.Run(_run, null, () => cancelled.CancelAfter(50), cancelled.Token);

        await serving;
        Assert.Null(kept.Take());
    }

    [Fact]
    public async Task What_is_kept_ends_with_the_build()
    {
        DoorConnections kept = new();
        DoorClient client = new(Path.Combine(_directory, "repr.dll"), kept);
        Task<DoorRequest> serving = ServeAsync(Done(0), new DoorReply());
        client.Run(_run, null, null, Cancellation);

        kept.Dispose();

        await serving; // ends with the client's end
        Assert.Null(kept.Take());
    }

    [Fact]
    public async Task Warming_up_asks_for_nothing_to_be_done_and_starts_nobody()
    {
        Task<DoorRequest> serving = ServeAsync(new DoorReply());
        _client.WarmUp();
        Assert.Equal(DoorRequest.RequestOneofCase.Status, (await serving).RequestCase);

        _listener.Close();
        _client.WarmUp(); // else it would wait for what it started, and throw
    }

    [Fact]
    public void What_is_written_to_warm_up_can_be_written()
    {
        Assert.True(WarmUp.WriteSample(Settings.Any) > 100);
    }

    private static DoorReply Done(int code) => new() { Done = new Done { Code = code } };

    private static DoorReply Text(string text, bool isError = false) => new() { Text = new DoorText { Data = ByteString.CopyFromUtf8(text), IsStderr = isError } };

    // Null: takes a while. After an empty reply it waits for the end of the client.
    private async Task<DoorRequest> ServeAsync(params DoorReply?[] replies)
    {
        using Socket socket = await _listener.AcceptAsync(Cancellation);
        await using NetworkStream stream = new(socket);
        DoorRequest request = await Task.Run(() => DoorRequest.Parser.ParseDelimitedFrom(stream), Cancellation);
        foreach (DoorReply? reply in replies)
        {
            if (reply is null)
            {
                await Task.Delay(500, Cancellation);
            }
            else if (reply.ReplyCase == DoorReply.ReplyOneofCase.None)
            {
                Assert.Equal(0, await stream.ReadAsync(new byte[1], Cancellation));
            }
            else
            {
                await Task.Run(() => reply.WriteDelimitedTo(stream), Cancellation);
            }
        }

        return request;
    }
}
