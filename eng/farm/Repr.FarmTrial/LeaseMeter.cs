using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using Repr.Bench;
using Repr.Protocol;
using Repr.Protocol.V1;

namespace Repr.FarmTrial;

/// <summary>How fast a farm grants leases.</summary>
/// <param name="PerSecond">Leases that were granted and given back in each second.</param>
/// <param name="Median">From the ask to the lease, in half of the cases at most.</param>
/// <param name="Percentile95">The same, in 95 of 100 cases.</param>
internal sealed record LeaseRate(double PerSecond, TimeSpan Median, TimeSpan Percentile95)
{
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Measures it as requesters see it: each caller has a stream at the worker that is asked, asks for one slot, gives it back when it has it, and
    /// asks again. With fewer callers than slots none of them waits for another, and the time is that of a grant.
    /// </summary>
    /// <exception cref="BenchException">A slot was refused.</exception>
    public static async Task<LeaseRate> MeasureAsync(Uri worker, int callers, TimeSpan duration, CancellationToken cancellationToken)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(worker);
        Farm.FarmClient farm = new(channel);
        long begin = Stopwatch.GetTimestamp() + (long)(s_warmUp.TotalSeconds * Stopwatch.Frequency);
        long end = begin + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        TimeSpan[][] times = await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => CallAsync(farm, begin, end, cancellationToken)));
        TimeSpan[] all = [.. times.SelectMany(static ofCaller => ofCaller).Order()];
        return all.Length == 0
            ? throw new BenchException($"The farm at {worker} granted nothing in {duration.TotalSeconds:F0} s.")
            : new LeaseRate(all.Length / duration.TotalSeconds, all[all.Length / 2], all[all.Length * 95 / 100]);
    }

    private static async Task<TimeSpan[]> CallAsync(Farm.FarmClient farm, long begin, long end, CancellationToken cancellationToken)
    {
        List<TimeSpan> times = [];
        using AsyncDuplexStreamingCall<ReserveRequest, ReserveReply> call = farm.Reserve(cancellationToken: cancellationToken);
        ReserveHello hello = new()
        {
            ProtocolMajor = WireConversions.ProtocolMajor,
            ProtocolMinor = WireConversions.ProtocolMinor,
            Requester = TrialRequester.User,
        };
        await call.RequestStream.WriteAsync(new ReserveRequest { Hello = hello }, cancellationToken);
        Need need = new() { Priority = Priority.Interactive, Project = "leases" };
        for (ulong number = 1; Stopwatch.GetTimestamp() < end; number++)
        {
            long asked = Stopwatch.GetTimestamp();
            await call.RequestStream.WriteAsync(
                new ReserveRequest { Asks = new Asks { Asks_ = { new Ask { AskId = number, Need = need } } } }, cancellationToken);
            Lease lease = await ReadLeaseAsync(call.ResponseStream, cancellationToken);
            if (asked >= begin)
            {
                times.Add(Stopwatch.GetElapsedTime(asked));
            }

            LeaseEnd unused = new() { LeaseId = lease.LeaseId, Outcome = LeaseEnd.Types.Outcome.Unused };
            await call.RequestStream.WriteAsync(new ReserveRequest { Ended = new Ended { Leases = { unused } } }, cancellationToken);
        }

        await call.RequestStream.CompleteAsync();
        return [.. times];
    }

    private static async Task<Lease> ReadLeaseAsync(IAsyncStreamReader<ReserveReply> replies, CancellationToken cancellationToken)
    {
        while (await replies.MoveNext(cancellationToken))
        {
            foreach (Answer answer in replies.Current.Answers?.Answers_ ?? [])
            {
                switch (answer.AnswerCase)
                {
                    case Answer.AnswerOneofCase.Granted:
                        return answer.Granted;
                    case Answer.AnswerOneofCase.Waits:
                        break;
                    default:
                        throw new BenchException($"The farm grants no lease: {answer}");
                }
            }
        }

        throw new BenchException("The farm ended a stream of leases.");
    }
}
