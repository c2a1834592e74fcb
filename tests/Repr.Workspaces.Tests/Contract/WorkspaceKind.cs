using Repr.Testing;

namespace Repr.Workspaces.Tests.Contract;

/// <summary>A kind of workspace that the contract is checked on.</summary>
internal abstract class WorkspaceKind : IAsyncDisposable
{
    /// <summary>The column of the table.</summary>
    public abstract string Name { get; }

    /// <summary>Cases that this kind cannot have, with the reason.</summary>
    public abstract IReadOnlyDictionary<string, string> Impossible { get; }

    /// <summary>How often a case is run, each time under other circumstances.</summary>
    public virtual int Rounds => 1;

    /// <summary>Why it can't be used on this machine; null when it can.</summary>
    public virtual ValueTask<string?> WhyUnavailableAsync(CancellationToken cancellationToken) => ValueTask.FromResult<string?>(null);

    /// <summary>A source that has what a tool of this kind needs to start.</summary>
    public virtual MemoryFileSource NewFiles() => new();

    /// <summary>Runs a tool.</summary>
    /// <param name="round">Below <see cref="Rounds"/>.</param>
    /// <param name="files">What it sees.</param>
    /// <param name="steps">What it does, one after another.</param>
    /// <param name="cancellationToken">Kills it.</param>
    /// <exception cref="ReprException">There is no verdict.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public abstract Task<ToolOutcome> RunAsync(
        int round, MemoryFileSource files, IReadOnlyList<ToolStep> steps, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
