using System.Threading.Channels;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Repr.Protocol.V1;
using Repr.Server.Sessions;

namespace Repr.Server.Services;

/// <summary>The gRPC side of a session: streams to channel and back. All rules are in <see cref="Session"/>.</summary>
internal sealed class SessionsService(IServiceProvider services) : Protocol.V1.Sessions.SessionsBase
{
    private const int OutgoingCapacity = 1024;

    /// <inheritdoc/>
    public override async Task Connect(
        IAsyncStreamReader<RequesterMessage> requestStream, IServerStreamWriter<WorkerMessage> responseStream, ServerCallContext context)
    {
        Channel<WorkerMessage> outgoing = Channel.CreateBounded<WorkerMessage>(
            new BoundedChannelOptions(OutgoingCapacity) { SingleReader = true });
        Task sending = SendAsync(outgoing.Reader, responseStream, context.CancellationToken);
        Session session = ActivatorUtilities.CreateInstance<Session>(services);
        try
        {
            await session.RunAsync(requestStream.ReadAllAsync(context.CancellationToken), outgoing.Writer, context.CancellationToken);
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException && context.CancellationToken.IsCancellationRequested)
        {
            // The requester is gone; its session has been stopped.
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
                await stream.WriteAsync(message, cancellationToken);
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or InvalidOperationException or RpcException)
        {
            // The requester is gone; the reading side ends the session.
        }
    }
}
