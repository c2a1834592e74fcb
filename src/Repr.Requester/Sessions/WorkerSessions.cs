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
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentDictionary<string, GroupUploads> _groups = new(StringComparer.Ordinal);

    /// <summary>The session with a worker. It is opened for all who want it: when one of them waits no longer, that goes on.</summary>
    /// <exception cref="ActionFailureException">It cannot be opened.</exception>
    public Task<WorkerSession> GetAsync(Uri endpoint, CancellationToken cancellationToken)
    {
        Worker worker = _workers.GetOrAdd(endpoint, static _ => new Worker());
        lock (worker)
        {
            bool isOfUse = worker.Opening is { } opening && opening.Status switch
            {
                TaskStatus.RanToCompletion => opening.Result.Loss is null,
                TaskStatus.Faulted or TaskStatus.Canceled => time.GetElapsedTime(worker.FailedAt) < options.OpenCircuit,
                _ => true,
            };
            if (!isOfUse)
            {
                Task<WorkerSession>? before = worker.Opening;
                worker.Opening = Task.Run(() => OpenAsync(endpoint, worker, before), CancellationToken.None);
            }

            return worker.Opening!.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Ends the session with a worker that is not needed any more; another may be opened later.</summary>
    public async Task CloseAsync(Uri endpoint)
    {
        if (!_workers.TryGetValue(endpoint, out Worker? worker))
        {
            return;
        }

        Task<WorkerSession>? opening;
        lock (worker)
        {
            opening = worker.Opening;
            worker.Opening = null;
        }

        await EndAsync(opening);
    }

    /// <summary>What to show of each worker.</summary>
    public IEnumerable<Wire.WorkerStatus> GetStatus() =>
        _workers.Where(static pair => pair.Value.Opening is not null).OrderBy(pair => pair.Key.ToString(), StringComparer.Ordinal).Select(pair =>
    {
        Task<WorkerSession>? opening = pair.Value.Opening;
        bool isOver = opening is not { IsCompleted: false };
        WorkerSession? session = opening is { IsCompletedSuccessfully: true } ? opening.Result : null;
        return new Wire.WorkerStatus
        {
            Endpoint = pair.Key.ToString().TrimEnd('/'),
            WorkerId = session?.Welcome.WorkerId ?? "",
            State = !isOver ? "connecting" : session is null ? "unreachable" : session.Loss is null ? "connected" : "lost",
            Running = (uint)(session?.Running ?? 0),
            Slots = session?.Welcome.Slots ?? 0,
        };
    });

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        foreach (Uri endpoint in _workers.Keys)
        {
            await CloseAsync(endpoint);
        }

        _closing.Dispose();
    }

    private static async Task EndAsync(Task<WorkerSession>? opening)
    {
        if (opening is null)
        {
            return;
        }

        await ((Task)opening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (opening.IsCompletedSuccessfully)
        {
            await opening.Result.DisposeAsync();
        }
    }

    private async Task<WorkerSession> OpenAsync(Uri endpoint, Worker worker, Task<WorkerSession>? before)
    {
        await EndAsync(before);
        try
        {
            return await WorkerSession.OpenAsync(endpoint, options, digests, kept, shared, FindGroup, _closing.Token);
        }
        catch (Exception)
        {
            worker.FailedAt = time.GetTimestamp();
            throw;
        }
    }

    private GroupUploads FindGroup(string name) => _groups.GetOrAdd(name, static _ => new GroupUploads());

    // Read and set under a lock of itself, but for what is shown of it.
    private sealed class Worker
    {
        public Task<WorkerSession>? Opening { get; set; }

        public long FailedAt { get; set; }
    }
}
