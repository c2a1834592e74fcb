using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Hosting;
using Repr.Farm;
using Repr.Protocol;
using Repr.Protocol.V1;
using Repr.Server.Scheduling;
using Repr.Server.Security;

namespace Repr.Server.Services;

/// <summary>The gRPC side of leases: one stream for each requester process. All rules are in <see cref="FarmNode"/> and the pool.</summary>
internal sealed class FarmService(FarmNode node, IHostApplicationLifetime lifetime) : Protocol.V1.Farm.FarmBase
{
    private const int MaximumHeld = 10_000;

    /// <inheritdoc/>
    [Authorize(Policies.Execute)]
    public override async Task Reserve(
        IAsyncStreamReader<ReserveRequest> requestStream, IServerStreamWriter<ReserveReply> responseStream, ServerCallContext context)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        if (!await requestStream.MoveNext(ended.Token) || requestStream.Current.Hello is not { ProtocolMajor: WireConversions.ProtocolMajor } hello)
        {
            throw new RpcException(new Status(
                StatusCode.InvalidArgument, $"The first message is ReserveHello of protocol {WireConversions.ProtocolMajor}; use the same version of Repr on both sides."));
        }

        string? caller = context.GetHttpContext().User.Identity?.Name;
        string user = string.IsNullOrEmpty(caller) || caller == CallerHandler.Anybody ? hello.Requester : caller;
        Channel<ReserveReply> replies = Channel.CreateUnbounded<ReserveReply>(new() { SingleReader = true });
        ConcurrentDictionary<long, ulong> asked = new();
        Reservation? reservation = null;
        try
        {
            SlotLease[] held = [.. hello.Held.Select(LeaseConversions.ToLease)];
            if (held.Length > MaximumHeld || (user == caller && held.Any(lease => lease.Ask.Account.User != user)))
            {
                throw new RpcException(new Status(StatusCode.PermissionDenied, $"'{user}' brings leases of others, or more than {MaximumHeld}."));
            }

            reservation = node.Open(user, held, Answer, view => replies.Writer.TryWrite(new ReserveReply { State = view.ToWire() }));
        }
        catch (ReprException malformed)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, malformed.Message));
        }

        using (reservation)
        {
            Task sending = SendAsync(replies.Reader, responseStream, ended.Token);
            try
            {
                while (await requestStream.MoveNext(ended.Token))
                {
                    await ReceiveAsync(requestStream.Current, reservation, asked, replies.Writer, ended.Token);
                }
            }
            catch (ReprException malformed)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, malformed.Message));
            }
            catch (Exception gone) when (gone is IOException || (gone is OperationCanceledException or RpcException && ended.IsCancellationRequested))
            {
                // The requester is gone, or the worker stops: it asks elsewhere.
            }
            finally
            {
                replies.Writer.TryComplete();
                await ended.CancelAsync();
                await sending;
            }
        }

        void Answer(ReservationAnswer answer)
        {
            bool isOver = answer.Lease is not null || answer.Away is not null || answer.Expected is { IsRefused: true };
            if (!(isOver ? asked.TryRemove(answer.Number, out ulong id) : asked.TryGetValue(answer.Number, out id)))
            {
                if (answer.Lease is { } unwanted)
                {
                    reservation?.End([], [new Repr.Farm.LeaseEnd(unwanted.Id, LeaseOutcome.Unused)]); // withdrawn while it was granted
                }

                return;
            }

            Answer message = new() { AskId = id };
            if (answer.Lease is { } lease)
            {
                message.Granted = lease.ToWire();
            }
            else if (answer.Away is { } reason)
            {
                message.Away = reason;
            }
            else if (isOver)
            {
                message.Refused = answer.Expected!.ToWire();
            }
            else
            {
                message.Waits = answer.Expected!.ToWire();
            }

            replies.Writer.TryWrite(new ReserveReply { Answers = new Answers { Answers_ = { message } } });
        }
    }

    private static async Task ReceiveAsync(
        ReserveRequest request,
        Reservation reservation,
        ConcurrentDictionary<long, ulong> asked,
        ChannelWriter<ReserveReply> replies,
        CancellationToken cancellationToken)
    {
        if (request.Asks is { } asks)
        {
            List<SlotAsk> noted = [];
            foreach (Ask ask in asks.Asks_)
            {
                try
                {
                    noted.Add(reservation.Note(ask.Need.ToAsk(reservation.User), number => asked[number] = ask.AskId));
                }
                catch (ReprException malformed)
                {
                    replies.TryWrite(new ReserveReply { Answers = new Answers { Answers_ = { new Answer { AskId = ask.AskId, Away = malformed.Message } } } });
                }
            }

            await reservation.SendAsync(noted, cancellationToken);
        }
        else if (request.Ended is { } over)
        {
            long[] withdrawn = [.. asked.Where(pair => over.Withdrawn.Contains(pair.Value)).Select(static pair => pair.Key)];
            reservation.End(withdrawn, [.. over.Leases.Select(LeaseConversions.ToEnd)]);
            foreach (long number in withdrawn)
            {
                asked.TryRemove(number, out _);
            }
        }
    }

    // What has come together goes out together.
    private static async Task SendAsync(ChannelReader<ReserveReply> replies, IServerStreamWriter<ReserveReply> stream, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (ReserveReply reply in replies.ReadAllAsync(cancellationToken))
            {
                while (reply.Answers is { } answers && replies.TryPeek(out ReserveReply? next) && next.Answers is { } more && replies.TryRead(out _))
                {
                    answers.Answers_.AddRange(more.Answers_);
                }

                await stream.WriteAsync(reply, cancellationToken);
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or InvalidOperationException or RpcException)
        {
            // The requester is gone; the reading side ends the stream.
        }
    }
}
