using System.IO.Pipes;
using System.Security.AccessControl;
using System.Security.Principal;
using Repr.Protocol.V1;
using Repr.Requester.Door;
using Repr.Requester.Tests;

namespace Repr.Requester.WindowsSuite;

/// <summary>The door as a named pipe.</summary>
public sealed class DoorTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();

    public void Dispose() => _files.Dispose();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private RequesterOptions Options => new() { DoorPath = _files.At(@"run\door.sock"), CacheDirectory = _files.At("cache") };

    [Fact]
    public async Task It_serves_its_user_alone_and_stops_when_asked()
    {
        Task<int> running = RequesterProcess.RunAsync(Options, RequesterStores.None, Cancellation);
        StatusReply status = await StatusAsync();

        using (NamedPipeClientStream pipe = new(".", DoorPaths.PipeOf(Options.DoorPath), PipeDirection.InOut))
        {
            await pipe.ConnectAsync(Cancellation);
            AuthorizationRuleCollection rules = pipe.GetAccessControl().GetAccessRules(true, true, typeof(SecurityIdentifier));
            using WindowsIdentity user = WindowsIdentity.GetCurrent();
            Assert.All(rules.Cast<PipeAccessRule>(), rule => Assert.Equal(user.Owner, rule.IdentityReference));
            Assert.Equal(user.Owner, pipe.GetAccessControl().GetOwner(typeof(SecurityIdentifier)));
        }

        DoorReply? bye = await AskAsync(new DoorRequest { Shutdown = new ShutdownRequest() });

        Assert.Equal(Environment.ProcessId, status.ProcessId);
        Assert.NotNull(bye?.Shutdown);
        Assert.Equal(0, await running);
        Assert.Null(await AskAsync(new DoorRequest { Status = new StatusRequest() }));
    }

    [Fact]
    public async Task A_second_one_for_the_same_door_leaves_at_once_whatever_its_spelling()
    {
        Task<int> first = RequesterProcess.RunAsync(Options, RequesterStores.None, Cancellation);
        await StatusAsync();

        Assert.Equal(0, await RequesterProcess.RunAsync(Options with { DoorPath = Options.DoorPath.ToUpperInvariant() }, RequesterStores.None, Cancellation));
        Assert.NotNull((await AskAsync(new DoorRequest { Status = new StatusRequest() }))?.Status);
        await AskAsync(new DoorRequest { Shutdown = new ShutdownRequest { Force = true } });
        Assert.Equal(0, await first);
    }

    [Fact]
    public async Task A_hundred_clients_at_the_same_time_are_all_answered()
    {
        Task<int> running = RequesterProcess.RunAsync(Options, RequesterStores.None, Cancellation);
        await StatusAsync();

        DoorReply?[] replies = await Task.WhenAll(Enumerable.Range(0, 100).Select(async _ =>
        {
            DoorReply? reply = null;
            while ((reply = await AskAsync(new DoorRequest { Status = new StatusRequest() })) is null)
            {
                await Task.Delay(5, Cancellation); // as RequesterStarter does
            }

            return reply;
        }));

        Assert.All(replies, reply => Assert.NotNull(reply?.Status));
        await AskAsync(new DoorRequest { Shutdown = new ShutdownRequest { Force = true } });
        await running;
    }

    [Fact]
    public async Task A_name_that_is_taken_opens_no_door()
    {
        await using NamedPipeServerStream squatter = new(DoorPaths.PipeOf(Options.DoorPath), PipeDirection.InOut, 1);

        IOException refused = await Assert.ThrowsAsync<IOException>(() => RequesterProcess.RunAsync(Options, RequesterStores.None, Cancellation));
        Assert.Contains("could not be opened", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_task_gets_its_answer_and_closing_ends_what_it_waits_for(bool hasWaited)
    {
        Task<int> running = RequesterProcess.RunAsync(Options, RequesterStores.None, Cancellation);
        await StatusAsync();

        using (Build.DoorConnection answered = Build.DoorConnection.TryConnect(Options.DoorPath)!)
        {
            answered.Send(new DoorRequest { DoorVersion = 1, Status = new StatusRequest() });
            Assert.True(!hasWaited || answered.WaitForReply(TimeSpan.FromSeconds(20)));
            Assert.Equal(Environment.ProcessId, answered.Receive().Status?.ProcessId);
        }

        using Build.DoorConnection silent = Build.DoorConnection.TryConnect(Options.DoorPath)!;
        Assert.False(hasWaited && silent.WaitForReply(TimeSpan.FromMilliseconds(50)));
        Task<DoorReply> waiting = Task.Run(silent.Receive, Cancellation);
        await Task.Delay(100, Cancellation);
        silent.Dispose();
        await Assert.ThrowsAnyAsync<Exception>(() => waiting);
        await AskAsync(new DoorRequest { Shutdown = new ShutdownRequest { Force = true } });
        await running;
    }

    private async Task<StatusReply> StatusAsync()
    {
        DoorReply? reply;
        while ((reply = await AskAsync(new DoorRequest { Status = new StatusRequest() })) is null)
        {
            await Task.Delay(20, Cancellation);
        }

        return reply.Status;
    }

    private Task<DoorReply?> AskAsync(DoorRequest request) => DoorClient.AskAsync(Options.DoorPath, request, Cancellation);
}
