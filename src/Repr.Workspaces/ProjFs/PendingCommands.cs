using System.Diagnostics.CodeAnalysis;

namespace Repr.Workspaces.ProjFs;

/// <summary>
/// The commands that are not answered yet. Each is answered once: by its work, by the end of the time it has, or by
/// <see cref="Abort"/>; one that was cancelled is not answered at all. Work that heeds no cancellation holds nothing up: what it
/// says later is dropped. Safe for concurrent use.
/// </summary>
/// <param name="concurrency">How many works run at the same time; the others wait.</param>
/// <param name="limit">How long a command may be pending.</param>
/// <param name="timeProvider">The clock of that.</param>
/// <param name="complete">Answers a pending command.</param>
/// <param name="onLate">Called when a command was pending for too long.</param>
[SuppressMessage("Reliability", "CA1001", Justification = "A semaphore of which no wait handle is made holds nothing.")]
internal sealed class PendingCommands(int concurrency, TimeSpan limit, TimeProvider timeProvider, Action<int, int> complete, Action onLate)
{
    private readonly SemaphoreSlim _slots = new(concurrency, concurrency);
    private readonly Dictionary<int, Command> _commands = [];
    private readonly Rundown _pending = new(); // a user for each pending command, until it is answered
    private bool _aborted;

    /// <summary>How many commands are pending now.</summary>
    public int Count
    {
        get
        {
            lock (_commands)
            {
                return _commands.Count;
            }
        }
    }

    /// <summary>Answers a command by work.</summary>
    /// <param name="id">The command.</param>
    /// <param name="work">Finds the answer; throws nothing but <see cref="OperationCanceledException"/>.</param>
    /// <returns>The answer; <see cref="HResult.IoPending"/>: it will be completed.</returns>
    public int Run(int id, Func<CancellationToken, ValueTask<int>> work)
    {
        Command command = new();
        lock (_commands)
        {
            if (_aborted)
            {
                return HResult.OperationAborted;
            }

            _commands[id] = command;
        }

        ValueTask<int> answer = AnswerAsync(work, command.Cancelling.Token);
        if (answer.IsCompleted)
        {
            Forget(id, command);
            return answer.Result;
        }

        lock (_commands)
        {
            if (command.IsAnswered)
            {
                _ = answer.AsTask(); // aborted meanwhile; this is the only answer
                return HResult.OperationAborted;
            }

            command.IsPending = _pending.TryEnter(); // it is not closed: that comes after an abort
            command.Timer = timeProvider.CreateTimer(_ => Expire(id, command), null, limit, Timeout.InfiniteTimeSpan);
        }

        _ = CompleteAsync(id, command, answer);
        return HResult.IoPending;
    }

    /// <summary>Nobody waits for this command any more.</summary>
    public void Cancel(int id)
    {
        Command? command;
        lock (_commands)
        {
            if (!_commands.Remove(id, out command))
            {
                return;
            }

            command.IsAnswered = true;
        }

        command.End();
        Leave(command);
    }

    /// <summary>Answers everything that is pending, and everything that comes, with <see cref="HResult.OperationAborted"/>.</summary>
    public void Abort()
    {
        KeyValuePair<int, Command>[] commands;
        lock (_commands)
        {
            _aborted = true;
            commands = [.. _commands];
            _commands.Clear();
            foreach ((_, Command command) in commands)
            {
                command.IsAnswered = true;
            }
        }

        foreach ((int id, Command command) in commands)
        {
            command.End();
            if (command.IsPending) // which does not change once the command is answered
            {
                complete(id, HResult.OperationAborted);
            }

            Leave(command);
        }
    }

    /// <summary>Aborts, and waits until each answer has been given, also those that were on their way.</summary>
    public Task DrainAsync()
    {
        Abort();
        return _pending.CloseAsync();
    }

    private async ValueTask<int> AnswerAsync(Func<CancellationToken, ValueTask<int>> work, CancellationToken cancellationToken)
    {
        try
        {
            await _slots.WaitAsync(cancellationToken);
            try
            {
                return await work(cancellationToken);
            }
            finally
            {
                _slots.Release();
            }
        }
        catch (OperationCanceledException)
        {
            return HResult.OperationAborted;
        }
    }

    private async Task CompleteAsync(int id, Command command, ValueTask<int> answer)
    {
        int result = await answer;
        if (Forget(id, command))
        {
            complete(id, result);
            Leave(command);
        }
    }

    private void Expire(int id, Command command)
    {
        if (Forget(id, command))
        {
            onLate();
            complete(id, HResult.OperationAborted);
            Leave(command);
        }
    }

    private void Leave(Command command)
    {
        if (command.IsPending)
        {
            _pending.Exit();
        }
    }

    private bool Forget(int id, Command command)
    {
        bool isMine;
        lock (_commands)
        {
            isMine = !command.IsAnswered;
            command.IsAnswered = true;
            if (isMine)
            {
                _commands.Remove(id); // before the answer: the number may be given to another command after it
            }
        }

        command.End();
        return isMine;
    }

    private sealed class Command
    {
        public CancellationTokenSource Cancelling { get; } = new();

        public ITimer? Timer { get; set; }

        /// <summary>The callback has returned without an answer.</summary>
        public bool IsPending { get; set; }

        /// <summary>Nobody may answer it any more.</summary>
        public bool IsAnswered { get; set; }

        public void End()
        {
            Timer?.Dispose();
            Cancelling.Cancel();
        }
    }
}
