using System.Collections.Concurrent;
using Repr.Requester.Actions;
using Repr.Requester.Content;
using Repr.Requester.Files;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Sessions;

/// <summary>
/// The sessions of this process, one for each endpoint, opened on first use and again after a loss. After a failed attempt no
/// other is made for a short time (an open circuit), so that many actions do not each wait for the same worker. Safe for
/// concurrent use.
/// </summary>
/// <param name="options">How sessions are opened.</param>
/// <param name="digests">What is known of files.</param>
/// <param name="kept">Content that was fetched before; null: none is kept.</param>
/// <param name="shared">A store that is shared with the workers; null: there is none.</param>
/// <param name="time">The clock.</param>
internal sealed class WorkerSessions(RequesterOptions options, DigestCache digests, IContentStore? kept, SharedContentStore? shared, TimeProvider time) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Uri, Worker> _workers = new();
    private readonly ConcurrentDictionary<string, GroupUploads> _groups = new(StringComparer.Ordinal);

    /// <summary>The session with a worker.</summary>
    /// <exception cref="ActionFailureException">It cannot be opened.</exception>
    public async Task<WorkerSession> GetAsync(Uri endpoint, CancellationToken cancellationToken)
    {
        Worker worker = _workers.GetOrAdd(endpoint, static _ => new Worker());
        if (worker.Session is { Loss: null } open)
        {
            return open;
        }

        await worker.Opening.WaitAsync(cancellationToken);
        try
        {
            if (worker.Session is { Loss: null } opened)
            {
                return opened;
            }

            if (worker.Failure is { } failure && time.GetElapsedTime(worker.FailedAt) < options.OpenCircuit)
            {
                throw new ActionFailureException(failure.MessageCode, failure.Code, failure.Message, failure);
            }

            if (worker.Session is { } lost)
            {
                worker.Session = null;
                await lost.DisposeAsync();
            }

            worker.Session = await WorkerSession.OpenAsync(endpoint, options, digests, kept, shared, FindGroup, cancellationToken);
            worker.Failure = null;
            return worker.Session;
        }
        catch (ActionFailureException failure) when (worker.Failure is null || failure.InnerException != worker.Failure)
        {
            worker.Failure = failure;
            worker.FailedAt = time.GetTimestamp();
            throw;
        }
        finally
        {
            worker.Opening.Release();
        }
    }

    /// <summary>Ends the session with a worker that is not needed any more; another may be opened later.</summary>
    public async Task CloseAsync(Uri endpoint)
    {
        if (!_workers.TryGetValue(endpoint, out Worker? worker))
        {
            return;
        }

        await worker.Opening.WaitAsync();
        try
        {
            WorkerSession? session = worker.Session;
            worker.Session = null;
            worker.Failure = null;
            if (session is not null)
            {
                await session.DisposeAsync();
            }
        }
        finally
        {
            worker.Opening.Release();
        }
    }

    /// <summary>What to show of each worker.</summary>
    public IEnumerable<Wire.WorkerStatus> GetStatus() =>
        _workers.Where(static pair => pair.Value is not { Session: null, Failure: null }).OrderBy(pair => pair.Key.ToString(), StringComparer.Ordinal).Select(pair =>
    {
        WorkerSession? session = pair.Value.Session;
        return new Wire.WorkerStatus
        {
            Endpoint = pair.Key.ToString().TrimEnd('/'),
            WorkerId = session?.Welcome.WorkerId ?? "",
            State = session is { Loss: null } ? "connected" : pair.Value.Failure is not null ? "unreachable" : "lost",
            Running = (uint)(session?.Running ?? 0),
            Slots = session?.Welcome.Slots ?? 0,
        };
    });

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (Worker worker in _workers.Values)
        {
            if (worker.Session is { } session)
            {
                await session.DisposeAsync();
            }
        }
    }

    private GroupUploads FindGroup(string name) => _groups.GetOrAdd(name, static _ => new GroupUploads());

    private sealed class Worker
    {
        public SemaphoreSlim Opening { get; } = new(1);

        public WorkerSession? Session { get; set; }

        public ActionFailureException? Failure { get; set; }

        public long FailedAt { get; set; }
    }
}
