using Microsoft.Extensions.Logging;
using Repr.Requester.Actions;
using Repr.Requester.Discovery;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Farm;

/// <summary>What a farm says to one ask: a lease, or none and why.</summary>
/// <param name="Lease">The lease; null: none.</param>
/// <param name="Failure">No worker fits, or the time was over; null: see the others.</param>
/// <param name="Away">The farm's pool can't be reached: look for a worker without it.</param>
internal sealed record FarmAnswer(Wire.Lease? Lease, ActionFailureException? Failure, string? Away);

/// <summary>
/// The leases that this process has and wants of one farm, over one stream to any of its workers; when that worker is lost, to another. Safe
/// for concurrent use.
/// </summary>
/// <param name="options">How workers are reached.</param>
/// <param name="workers">Workers of the farm, as far as they are known.</param>
/// <param name="members">Is told who else is there.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Is told where it asks.</param>
internal sealed partial class FarmLeases(RequesterOptions options, DiscoveredWorkers workers, FarmMembers members, TimeProvider time, ILogger log) : IAsyncDisposable
{
    private const int MaximumLostStreams = 5;

    private static readonly TimeSpan s_answerTimeout = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(300);

    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, Waiting> _waiting = [];
    private readonly Dictionary<string, Wire.Lease> _held = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _opening = new(1);
    private readonly CancellationTokenSource _stop = new();
    private FarmStream? _stream;
    private ActionFailureException? _failure;
    private bool _wasThere;
    private long _failedAt;
    private ulong _lastAsk;

    /// <summary>Asks for a slot and waits for it.</summary>
    /// <param name="need">What for.</param>
    /// <param name="timeout">How long it may wait in the farm's queue; null: as long as it takes.</param>
    /// <param name="cancellationToken">Withdraws it.</param>
    public async Task<FarmAnswer> AskAsync(Wire.Need need, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        for (int lost = 0; ; lost++)
        {
            if (lost > MaximumLostStreams)
            {
                return new FarmAnswer(null, null, $"{lost} workers of the farm were lost while they were asked.");
            }

            FarmStream stream;
            try
            {
                stream = await ConnectAsync(cancellationToken);
            }
            catch (ActionFailureException failure)
            {
                return new FarmAnswer(null, null, failure.Message);
            }

            Waiting waiting = new();
            lock (_lock)
            {
                waiting.Id = ++_lastAsk;
                _waiting.Add(waiting.Id, waiting);
            }

            stream.TrySend(new Wire.ReserveRequest { Asks = new Wire.Asks { Asks_ = { new Wire.Ask { AskId = waiting.Id, Need = need } } } });
            if (await WaitAsync(waiting, stream, timeout - time.GetElapsedTime(start), cancellationToken) is { } answer)
            {
                return answer;
            }

            // The worker that was asked is gone: another one is asked.
        }
    }

    /// <summary>A lease is over.</summary>
    public void End(Wire.Lease lease, Wire.LeaseEnd.Types.Outcome outcome)
    {
        lock (_lock)
        {
            _held.Remove(lease.LeaseId);
        }

        Volatile.Read(ref _stream)?.TrySend(
            new Wire.ReserveRequest { Ended = new Wire.Ended { Leases = { new Wire.LeaseEnd { LeaseId = lease.LeaseId, Outcome = outcome } } } });
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _opening.WaitAsync();
        if (_stream is { } stream)
        {
            await stream.DisposeAsync();
        }
    }

    // Null: the stream was lost, and with it the ask.
    private async Task<FarmAnswer?> WaitAsync(Waiting waiting, FarmStream stream, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stream.Lost);
        try
        {
            await waiting.Heard.WaitAsync(s_answerTimeout, time, linked.Token);
            return await waiting.Over.WaitAsync(timeout is { } rest ? (rest > TimeSpan.Zero ? rest : TimeSpan.Zero) : Timeout.InfiniteTimeSpan, time, linked.Token);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            if (!Forget(waiting))
            {
                FarmAnswer last = await waiting.Over; // it was answered just now
                if (last.Lease is not { } lease || !cancellationToken.IsCancellationRequested)
                {
                    return last;
                }

                End(lease, Wire.LeaseEnd.Types.Outcome.Unused);
            }

            stream.TrySend(new Wire.ReserveRequest { Ended = new Wire.Ended { Withdrawn = { waiting.Id } } });
            cancellationToken.ThrowIfCancellationRequested();
            if (exception is OperationCanceledException)
            {
                return null;
            }

            return waiting.Expected is { } expected
                ? new FarmAnswer(null, Full(expected, timeout), null)
                : new FarmAnswer(null, null, $"The farm did not answer within {s_answerTimeout.TotalSeconds:0} s.");
        }
    }

    private bool Forget(Waiting waiting)
    {
        lock (_lock)
        {
            return _waiting.Remove(waiting.Id);
        }
    }

    private void Take(Wire.Answer answer)
    {
        Waiting? waiting;
        lock (_lock)
        {
            if (answer.Waits is { } expected)
            {
                _waiting.GetValueOrDefault(answer.AskId)?.Hear(expected);
                return;
            }

            if (!_waiting.Remove(answer.AskId, out waiting))
            {
                waiting = null;
            }
            else if (answer.Granted is { } granted)
            {
                _held[granted.LeaseId] = granted;
            }
        }

        if (waiting is null)
        {
            if (answer.Granted is { } unwanted)
            {
                End(unwanted, Wire.LeaseEnd.Types.Outcome.Unused);
            }

            return;
        }

        waiting.Complete(answer.AnswerCase switch
        {
            Wire.Answer.AnswerOneofCase.Granted => new FarmAnswer(answer.Granted, null, null),
            Wire.Answer.AnswerOneofCase.Refused => new FarmAnswer(null, Refused(answer.Refused), null),
            _ => new FarmAnswer(null, null, answer.Away),
        });
    }

    private async Task<FarmStream> ConnectAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _stream) is { Lost.IsCancellationRequested: false } open)
        {
            return open;
        }

        await workers.WaitForFirstAsync(cancellationToken);
        await _opening.WaitAsync(cancellationToken);
        try
        {
            if (_stream is { Lost.IsCancellationRequested: false } opened)
            {
                return opened;
            }

            if (_failure is { } recent && time.GetElapsedTime(_failedAt) < options.OpenCircuit)
            {
                throw recent;
            }

            if (_stream is { } lost)
            {
                _stream = null;
                await lost.DisposeAsync();
            }

            using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
            (FarmStream stream, Wire.Lease[] named) = await OpenPatientlyAsync(linked.Token);
            Volatile.Write(ref _stream, stream);
            _failure = null;
            EndThoseThatEndedMeanwhile(named, stream);
            return stream;
        }
        catch (ActionFailureException failure) when (failure != _failure) // the one that is told again is not a new one
        {
            _failure = failure;
            _failedAt = time.GetTimestamp();
            throw;
        }
        finally
        {
            _opening.Release();
        }
    }

    // What the new worker was told of, and what ended before anybody could tell it so.
    private void EndThoseThatEndedMeanwhile(Wire.Lease[] named, FarmStream stream)
    {
        Wire.Ended ended = new();
        lock (_lock)
        {
            ended.Leases.AddRange(named.Where(lease => !_held.ContainsKey(lease.LeaseId))
                .Select(static lease => new Wire.LeaseEnd { LeaseId = lease.LeaseId, Outcome = Wire.LeaseEnd.Types.Outcome.Unused }));
        }

        if (ended.Leases.Count > 0)
        {
            stream.TrySend(new Wire.ReserveRequest { Ended = ended });
        }
    }

    // A farm that was there a moment ago is waited for: its workers may be starting again.
    private async Task<(FarmStream Stream, Wire.Lease[] Named)> OpenPatientlyAsync(CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        while (true)
        {
            try
            {
                (FarmStream Stream, Wire.Lease[] Named) opened = await OpenAnyAsync(start, cancellationToken);
                _wasThere = true;
                return opened;
            }
            catch (ActionFailureException) when (_wasThere)
            {
                _wasThere = time.GetElapsedTime(start) < s_patience;
                await Task.Delay(s_pause, time, cancellationToken);
            }
        }
    }

    // By lot, so that not all requesters ask the same worker; those that were named earlier after those that are there.
    private async Task<(FarmStream Stream, Wire.Lease[] Named)> OpenAnyAsync(long start, CancellationToken cancellationToken)
    {
        Uri[] candidates = [.. workers.Current];
        Random.Shared.Shuffle(candidates);
        candidates = [.. candidates, .. members.Earlier.Except(candidates)];
        ActionFailureException? first = null;
        foreach (Uri endpoint in candidates)
        {
            if (first is not null && time.GetElapsedTime(start) >= s_patience)
            {
                break; // each that is silent takes its time
            }

            try
            {
                Wire.Lease[] held;
                lock (_lock)
                {
                    held = [.. _held.Values];
                }

                FarmStream stream = await FarmStream.OpenAsync(endpoint, options, held, Take, state => members.Say(state.Endpoints), cancellationToken);
                Log.Asks(log, endpoint);
                return (stream, held);
            }
            catch (ActionFailureException failure)
            {
                first ??= failure;
            }
        }

        throw first ?? new ActionFailureException(
            MessageCodes.NoWorkerFound, ReprErrorCode.Unavailable, $"No worker of the farm is known{workers.DescribeFailures()}; start one, or name one as {FarmEndpoint.Form}.");
    }

    private static ActionFailureException Refused(Wire.Expected expected) => expected.Workers == 0
        ? new ActionFailureException(
            MessageCodes.NoWorkerFits, ReprErrorCode.Unavailable, "The farm has 0 workers for this action (platform, labels, or all are left alone after failures); start one, or see section Farm of the settings.")
        : Full(expected, null);

    private static ActionFailureException Full(Wire.Expected expected, TimeSpan? waited) => new(
        MessageCodes.WorkerFull,
        ReprErrorCode.Exhausted,
        $"The farm is full: queue {expected.Queued}, about {expected.Seconds:0} s on {expected.Workers} workers{(waited is null ? "" : $"; no slot within {Math.Max(0, waited.Value.TotalSeconds):0} s")}; add workers or slots.");

    private sealed class Waiting
    {
        private readonly TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource<FarmAnswer> _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ulong Id { get; set; }

        public Wire.Expected? Expected { get; private set; }

        /// <summary>The farm has it.</summary>
        public Task Heard => _heard.Task;

        /// <summary>It is granted, refused or given up.</summary>
        public Task<FarmAnswer> Over => _over.Task;

        public void Hear(Wire.Expected expected)
        {
            Expected = expected;
            _heard.TrySetResult();
        }

        public void Complete(FarmAnswer answer)
        {
            _over.TrySetResult(answer);
            _heard.TrySetResult();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Slots of the farm are asked for at {Endpoint}")]
        public static partial void Asks(ILogger log, Uri endpoint);
    }
}
