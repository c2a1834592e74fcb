namespace Repr.Workspaces.ProjFs;

/// <summary>
/// Protects something that goes away from uses that may come late: a use begins with <see cref="TryEnter"/> and ends with
/// <see cref="Exit"/>; once closed, none begins, and <see cref="CloseAsync"/> waits for those that have. Safe for concurrent use.
/// </summary>
internal sealed class Rundown
{
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private int _users;
    private bool _closed;

    /// <summary>Begins a use; false when it is too late.</summary>
    public bool TryEnter()
    {
        lock (_gate)
        {
            if (!_closed)
            {
                _users++;
            }

            return !_closed;
        }
    }

    /// <summary>Ends a use.</summary>
    public void Exit()
    {
        lock (_gate)
        {
            if (--_users > 0 || !_closed)
            {
                return;
            }
        }

        _empty.TrySetResult();
    }

    /// <summary>Lets no further use begin; complete when the last one has ended.</summary>
    public Task CloseAsync()
    {
        lock (_gate)
        {
            _closed = true;
            if (_users > 0)
            {
                return _empty.Task;
            }
        }

        _empty.TrySetResult();
        return _empty.Task;
    }
}
