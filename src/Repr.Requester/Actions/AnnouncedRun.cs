using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>
/// A run that a client has announced and still writes. If it is the one of the last time, all that has to be known of its inputs is known when it comes. One connection's; not
/// safe for concurrent use.
/// </summary>
internal sealed class AnnouncedRun : IDisposable
{
    private readonly CancellationTokenSource _ending = new(); // has no timer; the preparation may end after all of this
    private readonly Task<PreparedRun?> _preparing;

    /// <summary>Begins the preparation.</summary>
    /// <param name="prepare">Prepares the run of the last time; null: it is not known.</param>
    public AnnouncedRun(Func<CancellationToken, Task<PreparedRun?>> prepare) => _preparing = Task.Run(() => prepare(_ending.Token));

    /// <summary>Waits for what was prepared.</summary>
    /// <param name="run">The run that came.</param>
    /// <returns>Null: it is another run, or could not be prepared; that it can't be shows when it is prepared in its turn.</returns>
    public async Task<PreparedRun?> FindAsync(Wire.Run run)
    {
        try
        {
            return await _preparing is { } prepared && RememberedRun.IsSame(prepared.Run, run) ? prepared : null;
        }
        catch (Exception exception) when (exception is OperationCanceledException or ReprException or ActionFailureException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ending.Cancel();
        _ = _preparing.ContinueWith(
            static failed => failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }
}

/// <summary>A run of which all is known before it comes.</summary>
/// <param name="Run">The run of the last time.</param>
/// <param name="Request">What it asks for.</param>
/// <param name="Action">Its inputs, with a fingerprint.</param>
internal sealed record PreparedRun(Wire.Run Run, ActionRequest Request, PreparedAction Action);
