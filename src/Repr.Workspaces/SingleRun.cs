using Microsoft.Extensions.Logging;

namespace Repr.Workspaces;

/// <summary>The one run of a workspace: that there is only one, how it is stopped, and the first thing that went wrong with it. Safe for concurrent use.</summary>
/// <param name="logger">Is told what else went wrong.</param>
internal sealed partial class SingleRun(ILogger logger) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ReprException? _failure;
    private int _started;

    /// <summary>Set when the run is to end: its caller has cancelled it, it has failed, or the workspace is disposed.</summary>
    public CancellationToken Stopping => _stop.Token;

    /// <summary>Runs it.</summary>
    /// <param name="run">The run; it is to end soon after <see cref="Stopping"/> is set.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="InvalidOperationException">It was run, or stopped, before.</exception>
    public async ValueTask<ToolRun> RunAsync(Func<ValueTask<ToolRun>> run, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _started, 1) != 0)
        {
            throw new InvalidOperationException("A workspace runs its command once.");
        }

        try
        {
            using CancellationTokenRegistration cancelling = cancellationToken.UnsafeRegister(
                static state => ((CancellationTokenSource)state!).Cancel(), _stop);
            return await run();
        }
        finally
        {
            _ended.SetResult();
        }
    }

    /// <summary>Stops it and waits for its end. From then on there is none.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _started, 1) == 0)
        {
            _ended.SetResult();
        }

        await _stop.CancelAsync();
        await _ended.Task;
    }

    /// <summary>Something of it failed: it ends without a verdict. The first failure counts.</summary>
    public void Fail(ReprException failure)
    {
        if (Interlocked.CompareExchange(ref _failure, failure, null) is not null)
        {
            Log.LaterFailure(logger, failure.Message);
        }

        _ = _stop.CancelAsync(); // not on this thread: it may be the file system's, for which what is cancelled waits
    }

    /// <summary>The tool's text could not be passed on.</summary>
    public void FailText(Exception exception) => Fail(
        exception as ReprException ?? new ReprException(ReprErrorCode.Internal, $"The tool's text could not be passed on: {exception.Message}", exception));

    /// <summary>To be called before the verdict is told.</summary>
    /// <exception cref="ReprException">Something failed.</exception>
    /// <exception cref="ObjectDisposedException">It was stopped.</exception>
    public void ThrowIfFailed()
    {
        if (_failure is not null)
        {
            throw _failure;
        }

        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, typeof(IWorkspace));
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Debug, "A further failure of an action that has failed: {Reason}")]
        public static partial void LaterFailure(ILogger logger, string reason);
    }
}
