using System.Diagnostics.CodeAnalysis;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>
/// A run that a client has announced and still writes. If it is the one of the last time, all that has to be known of its inputs is known when it comes. One connection's; not
/// safe for concurrent use.
/// </summary>
internal sealed class AnnouncedRun : IDisposable
{
    private static readonly Task<PreparedRun?> s_nothing = Task.FromResult<PreparedRun?>(null);

    private readonly CancellationTokenSource _ending = new(); // has no timer; the preparation may end after all of this
    private Task<PreparedRun?> _preparing;

    /// <summary>Begins the preparation.</summary>
    /// <param name="predictionKey">Of the run.</param>
    /// <param name="prepare">Prepares the run of the last time; null: it is not known.</param>
    public AnnouncedRun(string predictionKey, Func<CancellationToken, Task<PreparedRun?>> prepare)
    {
        PredictionKey = predictionKey;
        _preparing = Task.Run(() => prepare(_ending.Token));
    }

    /// <summary>Of the run that was announced.</summary>
    public string PredictionKey { get; }

    /// <summary>Waits for what was prepared.</summary>
    /// <param name="run">The run that came; its key is the announced one.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Null: it is another run, or could not be prepared; why it can't be shows when it is prepared in its turn, as does that it is cancelled.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "The same goes wrong once more where there is somebody to tell it to.")]
    public async Task<PreparedRun?> FindAsync(Wire.Run run, CancellationToken cancellationToken)
    {
        try
        {
            return await _preparing.WaitAsync(cancellationToken) is { } prepared && RememberedRun.IsSame(prepared.Run, run) ? prepared : null;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return null;
        }
    }

    /// <summary>Ends the preparation, and forgets what was prepared.</summary>
    public void Dispose()
    {
        _ending.Cancel();
        _ = _preparing.ContinueWith(
            static failed => failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        _preparing = s_nothing;
    }
}

/// <summary>A run of which all is known before it comes.</summary>
/// <param name="Run">The run of the last time.</param>
/// <param name="Request">What it asks for.</param>
/// <param name="Action">Its inputs, with a fingerprint.</param>
internal sealed record PreparedRun(Wire.Run Run, ActionRequest Request, PreparedAction Action);
