using Google.Protobuf;
using Repr.Protocol;
using Repr.Requester.Actions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Actions;

/// <summary>A client announces its runs: the next one is prepared before it comes, and nothing else is ever given for it.</summary>
public sealed class AnnouncedRunTests : IAsyncLifetime
{
    private static readonly TimeSpan s_hang = TimeSpan.FromMinutes(1);

    private readonly OpenStore _kept = new();
    private RequesterFixture _requester = null!;
    private int _asked;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Output => _requester.Files.At("obj/out");

    private string Source => _requester.Files.At("src/a.cs");

    // Something is learned of the action, and nothing is kept yet.
    public async ValueTask InitializeAsync()
    {
        _requester = await RequesterFixture.StartAsync(kept: _kept);
        _requester.Files.Write("src/a.cs", "class A;");
        _requester.Worker.RunTool = (_, _) =>
        {
            _asked++;
            Wire.Completed completed = _requester.Succeed((Output, $"result {_asked}"));
            Wire.ObservedSet set = new() { Inputs = { new Wire.ObservedInput { Path = Source, Kind = Wire.ObservedInput.Types.Kind.Read } } };
            completed.ObservedSet = _requester.Worker.Put(set.ToByteArray()).ToWire();
            completed.Cached = new Wire.CachedRun { WorkerId = "test-worker", ToolMs = 12 };
            return Task.FromResult(completed);
        };
        await _requester.CompleteAsync(NewRun(static run => run.Cache = Wire.CacheMode.Off));
        Assert.Equal(1, _asked);
        _asked = 0;
    }

    public ValueTask DisposeAsync() => _requester.DisposeAsync();

    [Fact]
    public async Task What_is_announced_is_not_looked_at_again_when_it_comes()
    {
        await AnnounceAndRunAsync();
        for (int attempt = 0; attempt < 20; attempt++)
        {
            File.SetLastWriteTimeUtc(Source, DateTime.UtcNow); // so young that each look reads it
            using AnnouncedRun announced = _requester.Runner.Announce("test");
            Assert.NotNull((await announced.FindAsync(NewRun(), Cancellation))?.Action.Fingerprint);
            long looks = _requester.Digests.HashedFiles;

            await _requester.RunAsync(NewRun(), Cancellation, announced);

            Assert.Equal(1, _asked);
            if (_requester.Digests.HashedFiles == looks)
            {
                return;
            }
        }

        Assert.Fail("Each time it was looked at again, not only when the machine was slow.");
    }

    [Fact]
    public async Task What_was_announced_a_while_ago_is_looked_at_again()
    {
        await AnnounceAndRunAsync();
        using AnnouncedRun announced = _requester.Runner.Announce("test");
        Assert.NotNull(await announced.FindAsync(NewRun(), Cancellation));
        _requester.Files.Write("src/a.cs", "class B;");
        await Task.Delay(150, Cancellation);

        await _requester.RunAsync(NewRun(), Cancellation, announced);

        Assert.Equal(2, _asked);
        Assert.Equal("result 2", await ReadAsync());
    }

    [Fact]
    public async Task A_source_that_has_changed_since_the_last_time_is_another_matter()
    {
        await AnnounceAndRunAsync();
        _requester.Files.Write("src/a.cs", "class B;");

        await AnnounceAndRunAsync();

        Assert.Equal(2, _asked);
        Assert.Equal("result 2", await ReadAsync());
    }

    [Theory]
    [MemberData(nameof(KeptResultsTests.Others), MemberType = typeof(KeptResultsTests), DisableDiscoveryEnumeration = true)]
    public async Task Another_action_than_the_one_announced_is_no_known_one(string what, Action<Wire.Run> change)
    {
        await AnnounceAndRunAsync();

        Wire.DoorReply reply = await AnnounceAndRunAsync(change);

        Assert.NotNull(reply.Done);
        Assert.True(_asked == 2, what);
    }

    [Fact]
    public async Task What_differs_from_build_to_build_does_not_matter()
    {
        await AnnounceAndRunAsync();
        using AnnouncedRun announced = _requester.Runner.Announce("test");

        PreparedRun? found = await announced.FindAsync(NewRun(run =>
        {
            run.BuildId = "build-2";
            run.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            run.GuessedInputs.Add("/usr/lib/libc.so");
        }), Cancellation);

        Assert.NotNull(found);
    }

    [Fact]
    public async Task What_is_asked_for_in_another_way_is_remembered_in_that()
    {
        await _requester.CompleteAsync(NewRun());
        Assert.False(await IsPreparedAsync(NewRun()));
        await AnnounceAndRunAsync();
        Assert.True(await IsPreparedAsync(NewRun()));
        static void Change(Wire.Run run) => run.Description = "Tool of another name";

        await AnnounceAndRunAsync(Change);

        Assert.True(await IsPreparedAsync(NewRun(Change)));
        Assert.Equal(1, _asked);
    }

    [Fact]
    public async Task An_announcement_of_the_unknown_is_none()
    {
        using AnnouncedRun announced = _requester.Runner.Announce("unknown");

        Assert.Null(await announced.FindAsync(NewRun(), Cancellation));
    }

    [Fact]
    public async Task What_nothing_was_learned_of_is_prepared_when_it_comes()
    {
        static void Change(Wire.Run run) => run.PredictionKey = "other";
        _requester.Worker.RunTool = (_, _) =>
        {
            _asked++;
            Wire.Completed completed = _requester.Succeed((Output, "result"));
            completed.Cached = new Wire.CachedRun { WorkerId = "test-worker" };
            return Task.FromResult(completed);
        };
        await AnnounceAndRunAsync(Change);
        await AnnounceAndRunAsync(Change);
        Assert.Equal(1, _asked);
        using AnnouncedRun announced = _requester.Runner.Announce("other");

        Assert.Null(await announced.FindAsync(NewRun(Change), Cancellation));
    }

    [Fact]
    public async Task A_client_that_goes_does_not_wait_for_what_it_announced()
    {
        using CancellationTokenSource gone = new();
        using AnnouncedRun announced = new("test", static async token =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return null;
        });
        Task<Wire.DoorReply> running = _requester.RunAsync(NewRun(), gone.Token, announced);

        await gone.CancelAsync();

        Assert.True((await running.WaitAsync(s_hang, Cancellation)).NotRun?.Cancelled);
    }

    [Fact]
    public async Task Another_key_than_the_announced_one_does_not_wait_for_it()
    {
        using AnnouncedRun announced = new("another", static async token =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return null;
        });

        Assert.NotNull((await _requester.RunAsync(NewRun(), Cancellation, announced).WaitAsync(s_hang, Cancellation)).Done);
    }

    [Fact]
    public async Task An_announcement_makes_no_directory()
    {
        string generated = _requester.Files.At("generated");
        void Change(Wire.Run run) => run.OutputDirectories.Add(generated);
        await AnnounceAndRunAsync(Change);
        Assert.True(await IsPreparedAsync(NewRun(Change)));
        Directory.Delete(generated);

        Assert.False(await IsPreparedAsync(NewRun(Change)));

        Assert.False(Directory.Exists(generated));
    }

    [Fact]
    public async Task What_can_not_be_prepared_is_found_out_when_it_comes()
    {
        using AnnouncedRun announced = new("test", static _ => throw new ReprException(ReprErrorCode.InvalidInput, "no"));

        Wire.DoorReply reply = await _requester.RunAsync(NewRun(), Cancellation, announced);

        Assert.Equal(0, reply.Done?.Code);
    }

    [Fact]
    public void What_is_remembered_is_small_and_the_whole()
    {
        Wire.Run run = NewRun();
        for (int count = 0; count < 170; count++)
        {
            run.Inputs.Add($"/usr/share/dotnet/packs/Microsoft.NETCore.App.Ref/10.0.0/ref/net10.0/System.Library{count}.dll");
        }

        RememberedRun remembered = RememberedRun.Of(run);

        Assert.True(RememberedRun.IsSame(remembered.ToRun(), run));
        Assert.Equal("build-1", run.BuildId); // not changed by it
        Assert.InRange(remembered.PackedBytes, 1, run.CalculateSize() / 5);
    }

    private async Task<Wire.DoorReply> AnnounceAndRunAsync(Action<Wire.Run>? change = null)
    {
        using AnnouncedRun announced = _requester.Runner.Announce("test");
        return await _requester.RunAsync(NewRun(change), Cancellation, announced);
    }

    private async Task<bool> IsPreparedAsync(Wire.Run run)
    {
        using AnnouncedRun announced = _requester.Runner.Announce("test");
        return await announced.FindAsync(run, Cancellation) is not null;
    }

    private Wire.Run NewRun(Action<Wire.Run>? change = null)
    {
        Wire.Run run = _requester.NewRun();
        run.Inputs.Add(Source);
        run.Cache = Wire.CacheMode.ReadWrite;
        change?.Invoke(run);
        return run;
    }

    private Task<string> ReadAsync() => File.ReadAllTextAsync(Output, Cancellation);
}
