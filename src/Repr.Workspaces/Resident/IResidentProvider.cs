using System.Net.Sockets;

namespace Repr.Workspaces.Resident;

/// <summary>
/// A provider whose sandboxes can house a tool that stays and serves one action after the other, each in a world of its own.
/// Safe for concurrent use.
/// </summary>
public interface IResidentProvider
{
    /// <summary>Where the tool has to listen, as it sees it: a Unix socket, all that its worlds have in common.</summary>
    VirtualPath Socket { get; }

    /// <summary>Starts a tool.</summary>
    /// <param name="stagingDirectory">An empty directory for it alone; deleted with the tool. Beside it each world gets one of its own.</param>
    /// <param name="slot">Decides on the user that it runs as; no other tool or workspace of this number may live.</param>
    /// <param name="command">The tool. It starts in the root directory.</param>
    /// <param name="files">What it sees until it is shown another world. Asked no more after that.</param>
    /// <param name="cancellationToken">Stops the start.</param>
    /// <exception cref="ReprException">It could not be started.</exception>
    ValueTask<IResidentTool> StartAsync(
        string stagingDirectory, int slot, Command command, IFileSource files, CancellationToken cancellationToken);
}

/// <summary>A tool that stays. Disposing it kills it. One thread at a time, but for <see cref="Ended"/>.</summary>
public interface IResidentTool : IAsyncDisposable
{
    /// <summary>Completed when the tool is gone; then it is of no more use.</summary>
    Task Ended { get; }

    /// <summary>What the tool said last on its standard streams: a few lines at most.</summary>
    string LastText { get; }

    /// <summary>Worlds that were left but that the tool still maps files of.</summary>
    int LingeringWorlds { get; }

    /// <summary>Replaces all that the tool sees, but for its socket, on which it must listen by now. What it has begun to read or has mapped stays good.</summary>
    /// <param name="command">The action's command; its identity and umask must be the tool's.</param>
    /// <param name="files">What the tool sees from now on.</param>
    /// <param name="certain">
    /// Files of which it is certain that the tool will look at them (<see cref="ObservedKind.Stated"/>) or read them
    /// (<see cref="ObservedKind.Read"/>): that is done now, for many at a time. What is not there may be among them.
    /// </param>
    /// <param name="cancellationToken">Stops the change; the tool is of no more use then.</param>
    /// <exception cref="ReprException">It could not be done; the tool is of no more use.</exception>
    ValueTask<IResidentWorld> EnterAsync(
        Command command, IFileSource files, IEnumerable<ObservedInput> certain, CancellationToken cancellationToken);

    /// <summary>
    /// Says that nothing runs for the action any more whose world was entered last. As much as can be of the next one's world is made now: beside the
    /// tool it would take processors from it. Once for each world; the next call waits for it.
    /// </summary>
    void PrepareNext();

    /// <summary>Makes sure that the tool listens. It sees a connection; that is the next one that <see cref="ConnectAsync"/> returns.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: nobody listens yet.</exception>
    ValueTask ListenAsync(CancellationToken cancellationToken);

    /// <summary>Connects to the tool's socket, or returns the connection that there is since the last world was entered. The caller disposes the connection.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: nobody listens there.</exception>
    ValueTask<Socket> ConnectAsync(CancellationToken cancellationToken);
}

/// <summary>What a tool that stays sees during one action. Disposing it takes the files away; the tool lives on.</summary>
public interface IResidentWorld : IAsyncDisposable
{
    /// <summary>Faulted with the first <see cref="ReprException"/> of the source; never completed otherwise.</summary>
    Task Failed { get; }

    /// <summary>What the tool changed, as <see cref="IWorkspace.CollectChanges"/> says. Only when nothing runs for the action any more.</summary>
    IReadOnlyList<WorkspaceChange> CollectChanges();
}
