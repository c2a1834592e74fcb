using Repr.Requester.Actions;
using Repr.Requester.Sessions;

namespace Repr.Requester.Discovery;

/// <summary>What the pool knows of a worker that was found. Written under the pool's lock alone.</summary>
/// <param name="endpoint">Its address.</param>
internal sealed class FoundWorker(Uri endpoint)
{
    /// <summary>Its address.</summary>
    public Uri Endpoint => endpoint;

    /// <summary>It is being connected to.</summary>
    public bool IsOpening { get; set; }

    /// <summary>The last session; null: there was none since the last attempt to open one.</summary>
    public WorkerSession? Session { get; set; }

    /// <summary>Why the last attempt to open a session failed; null: it did not.</summary>
    public ActionFailureException? Failure { get; set; }

    /// <summary>The session can be used.</summary>
    public bool IsConnected => Session is { Loss: null };
}
