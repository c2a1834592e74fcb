using Repr.Requester.Sessions;

namespace Repr.Requester.Discovery;

/// <summary>A worker that an attempt of an action uses. Dispose it once, when the attempt is over.</summary>
/// <param name="endpoint">Its address.</param>
/// <param name="session">The session with it.</param>
/// <param name="release">Called at the end.</param>
internal sealed class TakenWorker(Uri endpoint, WorkerSession session, Action release) : IDisposable
{
    private Action? _release = release;

    /// <summary>Its address.</summary>
    public Uri Endpoint => endpoint;

    /// <summary>The session with it.</summary>
    public WorkerSession Session => session;

    /// <inheritdoc/>
    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
}
