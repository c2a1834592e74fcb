using System.Threading.Channels;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Repr.Protocol;
using Repr.Protocol.V1;
using Repr.Server.Security;
using Repr.Server.Sessions;

namespace Repr.Server.Services;

/// <summary>The gRPC side of a session: streams to channel and back. All rules are in <see cref="Session"/>.</summary>
internal sealed class SessionsService(IServiceProvider services, IHostApplicationLifetime lifetime) : Protocol.V1.Sessions.SessionsBase
{
    private const int OutgoingCapacity = 1024;

    /// <inheritdoc/>
    [Authorize(Policies.Execute)]
    public override async Task Connect(
        IAsyncStreamReader<RequesterMessage> requestStream, IServerStreamWriter<WorkerMessage> responseStream, ServerCallContext context)
    {
        Channel<WorkerMessage> outgoing = Channel.CreateBounded<WorkerMessage>(
            new BoundedChannelOptions(OutgoingCapacity) { SingleReader = true });
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(
            context.CancellationToken, lifetime.ApplicationStopping); // a session would keep a stopping worker alive
        Task sending = SendAsync(outgoing.Reader, responseStream, ended.Token);
        Session session = ActivatorUtilities.CreateInstance<Session>(services, context.GetHttpContext().User.Identity?.Name ?? "");
        try
        {
            await session.RunAsync(requestStream.ReadAllAsync(ended.Token), outgoing.Writer, ended.Token);
        }
        catch (Exception gone) when (gone is IOException || (gone is OperationCanceledException or RpcException && ended.IsCancellationRequested))
        {
            // The requester is gone or the worker stops; the session's actions have been stopped.
        }
        finally
        {
            outgoing.Writer.TryComplete();
            await sending;
        }
    }

    private static async Task SendAsync(
        ChannelReader<WorkerMessage> messages, IServerStreamWriter<WorkerMessage> stream, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (WorkerMessage message in messages.ReadAllAsync(cancellationToken))
            {
                stream.WriteOptions = MessageCompression.OptionsFor(message);
                await stream.WriteAsync(message, cancellationToken);
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or InvalidOperationException or RpcException)
        {
            // The requester is gone; the reading side ends the session.
        }
    }
}
