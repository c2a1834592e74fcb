using System.Runtime.CompilerServices;
using Google.Protobuf.WellKnownTypes;
using Repr.Protocol;
using Repr.Protocol.Reapi;

namespace Repr.Server.Reapi;

/// <summary>
/// One execution, and those who wait for it. It is stopped when it is cancelled, or when nobody has waited for it for
/// <see cref="AbandonedAfter"/>: a client whose connection broke has that time to come back. Safe for concurrent use.
/// </summary>
internal sealed class ReapiOperation(Digest action, TimeProvider time) : IDisposable
{
    /// <summary>How long an operation that nobody waits for goes on.</summary>
    public static readonly TimeSpan AbandonedAfter = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ExecutionStage.Types.Value _stage = ExecutionStage.Types.Value.Queued;
    private ExecuteResponse? _response;
    private int _waiting;
    private int _departures;

    /// <summary>Names it on this worker; cannot be guessed.</summary>
    public string Name { get; } = $"operations/{Guid.NewGuid():D}";

    /// <summary>The action that it runs.</summary>
    public Digest Action => action;

    /// <summary>Cancelled when it is to stop.</summary>
    public CancellationToken Stopped => _stop.Token;

    /// <summary>What a client is told now.</summary>
    public Operation State
    {
        get
        {
            lock (_lock)
            {
                return Snapshot();
            }
        }
    }

    /// <summary>Adds somebody who waits; <see cref="WatchAsync"/> takes him away.</summary>
    /// <returns>False when it is being stopped: it is no use to anybody new. One that is done can be joined.</returns>
    public bool TryJoin()
    {
        lock (_lock)
        {
            if (_response is null && _stop.IsCancellationRequested)
            {
                return false;
            }

            _waiting++;
            return true;
        }
    }

    /// <summary>Tells the state now and each later one, until it is done. Called once after each <see cref="TryJoin"/>.</summary>
    public async IAsyncEnumerable<Operation> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                Operation state;
                Task changed;
                lock (_lock)
                {
                    (state, changed) = (Snapshot(), _changed.Task);
                }

                yield return state;
                if (state.Done)
                {
                    yield break;
                }

                await changed.WaitAsync(cancellationToken);
            }
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>It has a slot.</summary>
    public void Start() => Change(() => _stage = ExecutionStage.Types.Value.Executing);

    /// <summary>It is over.</summary>
    public void Complete(ExecuteResponse response) => Change(() =>
    {
        _stage = ExecutionStage.Types.Value.Completed;
        _response = response;
    });

    /// <summary>Stops it, for all who wait. Nothing happens to one that is done.</summary>
    public void Cancel()
    {
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has been over for long.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();

    private void Change(System.Action change)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            change();
            changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
    }

    private void Leave()
    {
        lock (_lock)
        {
            if (--_waiting > 0 || _response is not null)
            {
                return;
            }

            _ = AbandonAsync(++_departures);
        }
    }

    private async Task AbandonAsync(int departure)
    {
        await Task.Delay(AbandonedAfter, time, CancellationToken.None);
        lock (_lock)
        {
            if (_waiting > 0 || departure != _departures)
            {
                return; // somebody came back
            }
        }

        Cancel();
    }

    private Operation Snapshot()
    {
        Operation operation = new()
        {
            Name = Name,
            Metadata = Any.Pack(new ExecuteOperationMetadata
            {
                Stage = _stage,
                ActionDigest = action.ToReapi(),
                DigestFunction = DigestFunction.Types.Value.Sha256,
            }),
        };
        if (_response is not null)
        {
            operation.Done = true;
            operation.Response = Any.Pack(_response);
        }

        return operation;
    }
}
