using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Repr.Requester.Actions;
using Repr.Requester.Discovery;
using Repr.Requester.Placement;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Farm;

/// <summary>
/// The workers behind the endpoints of farms: an action gets the one that the farm leases to it or, while the farm's pool can't be reached, the
/// least loaded of those that are known. Safe for concurrent use.
/// </summary>
/// <param name="settings">What is said of this requester's actions.</param>
/// <param name="open">Makes what one endpoint needs; once for each.</param>
/// <param name="history">How long actions take.</param>
/// <param name="slow">Workers that are leased only if no other fits.</param>
/// <param name="log">Is told when a farm can't be used.</param>
internal sealed partial class FarmWorkers(
    FarmSettings settings, Func<Uri, JoinedFarm> open, WorkHistory history, SlowWorkers slow, ILogger log) : IAsyncDisposable
{
    private const int Tries = 3;
    private const long MemoryStep = 256 << 20;

    private static readonly TimeSpan s_idleAnswer = TimeSpan.FromMilliseconds(300);

    private readonly ConcurrentDictionary<Uri, Lazy<JoinedFarm>> _farms = new();
    private readonly WorkOrder _order = new();
    private readonly bool _isBatch = settings.Batch ?? Environment.GetEnvironmentVariable("CI") is { Length: > 0 } and not "false" and not "0";
    private int _isAway;

    /// <summary>Takes a worker for an attempt of an action. Dispose the result when that is over.</summary>
    /// <param name="request">The action, whose endpoint is a farm's.</param>
    /// <param name="failed">Workers with which it has failed; leased only if no other fits.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ActionFailureException">There is none; the message says why.</exception>
    public async Task<TakenWorker> TakeAsync(ActionRequest request, IReadOnlySet<Uri> failed, CancellationToken cancellationToken)
    {
        JoinedFarm farm = Join(request);
        HashSet<Uri> avoid = [.. failed, .. slow.Current];
        for (int attempt = 1; ; attempt++)
        {
            FarmAnswer answer = await farm.Leases.AskAsync(NewNeed(request, avoid), request.QueueTimeout, cancellationToken);
            if (answer.Failure is { } failure)
            {
                throw failure;
            }

            if (answer.Lease is not { } lease)
            {
                NoteAway(answer.Away!);
                return await farm.Found.TakeAsync(WorkerPool.Any, failed, request.QueueTimeout, cancellationToken);
            }

            Interlocked.Exchange(ref _isAway, 0);
            Uri worker = new(lease.Endpoint);
            try
            {
                TakenWorker taken = await farm.Found.TakeAsync(worker, failed, request.QueueTimeout, cancellationToken);
                taken.Attach(lease, outcome => farm.Leases.End(lease, outcome));
                return taken;
            }
            catch (Exception exception)
            {
                bool isFailure = exception is ActionFailureException;
                farm.Leases.End(lease, isFailure ? Wire.LeaseEnd.Types.Outcome.Failed : Wire.LeaseEnd.Types.Outcome.Unused);
                if (!isFailure || attempt == Tries)
                {
                    throw;
                }

                avoid.Add(worker); // its beats will stop soon; until then it is no use
            }
        }
    }

    /// <summary>Takes a worker that has room now, for a second run of an action.</summary>
    /// <param name="request">The action, whose endpoint is a farm's.</param>
    /// <param name="without">Not these.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null: there is none.</returns>
    public async Task<TakenWorker?> TryTakeIdleAsync(ActionRequest request, IReadOnlySet<Uri> without, CancellationToken cancellationToken)
    {
        JoinedFarm farm = Join(request);
        FarmAnswer answer = await farm.Leases.AskAsync(NewNeed(request, without.Concat(slow.Current)), s_idleAnswer, cancellationToken);
        if (answer.Lease is not { } lease)
        {
            return answer.Away is null ? null : farm.Found.TryTakeIdle(without);
        }

        Uri worker = new(lease.Endpoint);
        if (without.Contains(worker) || slow.Has(worker))
        {
            farm.Leases.End(lease, Wire.LeaseEnd.Types.Outcome.Unused); // no other fits
            return null;
        }

        try
        {
            TakenWorker taken = await farm.Found.TakeAsync(worker, without, s_idleAnswer, cancellationToken);
            taken.Attach(lease, outcome => farm.Leases.End(lease, outcome));
            return taken;
        }
        catch (Exception exception)
        {
            bool isFailure = exception is ActionFailureException;
            farm.Leases.End(lease, isFailure ? Wire.LeaseEnd.Types.Outcome.Failed : Wire.LeaseEnd.Types.Outcome.Unused);
            if (!isFailure)
            {
                throw;
            }

            return null;
        }
    }

    /// <summary>Notes what a farm is told of an action the next time. To be called when its time is in the history.</summary>
    /// <param name="request">The action.</param>
    /// <param name="timings">What it used.</param>
    /// <param name="inputs">What it read, or may have.</param>
    /// <param name="outputs">What it wrote.</param>
    public void Learn(ActionRequest request, ActionTimings timings, IEnumerable<VirtualPath> inputs, IEnumerable<VirtualPath> outputs)
    {
        if (FarmEndpoint.Is(request.Endpoint))
        {
            _order.Note(request.LastingName, SecondsOf(request), timings.ToolPeakBytes, inputs, outputs);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (Lazy<JoinedFarm> farm in _farms.Values.Where(static farm => farm.IsValueCreated))
        {
            await farm.Value.Leases.DisposeAsync();
            await farm.Value.Found.DisposeAsync();
        }
    }

    private JoinedFarm Join(ActionRequest request) =>
        _farms.GetOrAdd(request.Endpoint, endpoint => new Lazy<JoinedFarm>(() => open(endpoint))).Value;

    private Wire.Need NewNeed(ActionRequest request, IEnumerable<Uri> avoid)
    {
        (double after, long memory) = _order.Find(request.LastingName);
        string directory = request.Command.WorkingDirectory.Text;
        Wire.Need need = new()
        {
            Priority = _isBatch ? Wire.Priority.Batch : Wire.Priority.Interactive,
            Project = settings.Project ?? ProjectOf(request),
            ToolKey = HashOf(PredictionStore.ToolOf(request.Command)),
            ContentKey = HashOf(directory),
            MemoryBytes = RoundUp(Math.Max(memory, settings.ActionBytes)), // the largest process: there may be several
            Seconds = SecondsOf(request),
            SecondsAfter = after,
        };
        need.Labels.AddRange(settings.Labels);
        need.Avoid.AddRange(avoid.Select(static worker => worker.ToString().TrimEnd('/')));
        return need;
    }

    // Of this action itself: by what its like took, a worker would seem slow or fast that is not. 0: not known.
    private double SecondsOf(ActionRequest request) => history.Find(request) is { IsOwn: true } expected ? expected.Work.MeanMs / 1000 : 0;

    // The first read root that the directory is in: the source root, as a rule.
    private static string ProjectOf(ActionRequest request)
    {
        VirtualPath? root = request.ReadRoots.Where(request.Command.WorkingDirectory.IsWithin).Cast<VirtualPath?>().MinBy(static root => root!.Value.Text.Length);
        return root is { } path ? Path.GetFileName(path.Text) : "";
    }

    // Asks of one size wait as one.
    private static long RoundUp(long bytes) => (bytes + MemoryStep - 1) / MemoryStep * MemoryStep;

    private static ulong HashOf(string text) => BitConverter.ToUInt64(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)));

    private void NoteAway(string reason)
    {
        if (Interlocked.Exchange(ref _isAway, 1) == 0)
        {
            Log.Away(log, reason);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "The farm gives no leases; actions go to the least loaded of the workers that are known: {Reason}")]
        public static partial void Away(ILogger log, string reason);
    }
}

/// <summary>What one farm's endpoint needs.</summary>
/// <param name="Leases">Its leases.</param>
/// <param name="Found">Its workers, and what gives them out without it.</param>
internal sealed record JoinedFarm(FarmLeases Leases, WorkerPool Found);
