namespace Repr.Server.Presence;

/// <summary>
/// Whether this machine takes actions now: its owner comes first. Closed in two steps, so that nobody is sent here any more when what runs
/// is stopped. Safe for concurrent use.
/// </summary>
internal sealed class OwnerGate : IDisposable
{
    private readonly Lock _lock = new();
    private CancellationTokenSource _givenBack = new();
    private volatile string? _reason;

    /// <summary>Whether actions are taken.</summary>
    public bool IsOpen => _reason is null;

    /// <summary>Why not, as a sentence; null: they are.</summary>
    public string? Reason => _reason;

    /// <summary>Cancelled when the machine is given back.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: it belongs to its owner now.</exception>
    public CancellationToken Enter()
    {
        lock (_lock)
        {
            ThrowIfClosed();
            return _givenBack.Token;
        }
    }

    /// <summary>Throws what an action ends with that has to go.</summary>
    /// <exception cref="ReprException">See <see cref="Enter"/>.</exception>
    public void ThrowIfClosed()
    {
        if (_reason is { } reason)
        {
            throw new ReprException(ReprErrorCode.Unavailable, reason);
        }
    }

    /// <summary>Takes actions from now on.</summary>
    public void Open()
    {
        lock (_lock)
        {
            if (_givenBack.IsCancellationRequested)
            {
                _givenBack.Dispose();
                _givenBack = new CancellationTokenSource();
            }

            _reason = null;
        }
    }

    /// <summary>Takes no more actions.</summary>
    /// <param name="reason">Why, as a sentence for requesters.</param>
    public void Refuse(string reason) => _reason = reason;

    /// <summary>Stops the actions that run, after <see cref="Refuse"/>.</summary>
    public Task GiveBackAsync()
    {
        lock (_lock)
        {
            return _givenBack.CancelAsync();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _givenBack.Dispose();
}
