using Repr.Requester.Actions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Sessions;

/// <summary>An action on the stream: what becomes of the messages about it. Safe for concurrent use.</summary>
/// <param name="answers">Answers questions.</param>
/// <param name="text">Takes text.</param>
/// <param name="over">Cancelled when nobody waits for the action any more.</param>
internal sealed class RunningAction(FileAnswers answers, Action<Wire.Text> text, CancellationToken over)
{
    private readonly TaskCompletionSource<Wire.Completed> _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _room = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _underWay;

    /// <summary>Answers questions; asked concurrently.</summary>
    public FileAnswers Answers => answers;

    /// <summary>Takes text, in its order.</summary>
    public Action<Wire.Text> Text => text;

    /// <summary>Cancelled when nobody waits for the action any more.</summary>
    public CancellationToken Over => over;

    /// <summary>Waits until so many more bytes of input may be under way.</summary>
    public async Task EnterWindowAsync(int bytes)
    {
        while (true)
        {
            Task room;
            lock (_completed)
            {
                if (_underWay + bytes <= ToolInput.WindowBytes)
                {
                    _underWay += bytes;
                    return;
                }

                room = _room.Task;
            }

            await room.WaitAsync(over);
        }
    }

    /// <summary>Notes that the tool has taken bytes of input.</summary>
    public void LeaveWindow(int bytes)
    {
        TaskCompletionSource room;
        lock (_completed)
        {
            _underWay -= bytes;
            room = _room;
            _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        room.SetResult();
    }

    /// <summary>The end of the action.</summary>
    public Task<Wire.Completed> Completed => _completed.Task;

    /// <summary>The worker has told the end.</summary>
    public bool HasCompleted => _completed.Task.IsCompletedSuccessfully;

    /// <summary>Notes the end; the first counts.</summary>
    public void Complete(Wire.Completed completed) => _completed.TrySetResult(completed);

    /// <summary>Notes that there will be no end; the first counts.</summary>
    public void Fail(Exception exception) => _completed.TrySetException(exception);
}
