namespace Repr.Requester.Actions;

/// <summary>
/// The right to let an action's outputs replace what is on the disk: of several runs of one action, on workers or here, exactly one gets it, and keeps it. It is taken at the last moment,
/// when all outputs are on this machine and checked, so that a run which is stuck half-way holds up nobody. Safe for concurrent use.
/// </summary>
internal sealed class CommitRight
{
    private object? _holder;

    /// <summary>Takes it.</summary>
    /// <param name="run">Who wants it.</param>
    /// <returns>False: somebody has it.</returns>
    public bool TryTake(object run) => Interlocked.CompareExchange(ref _holder, run, null) is null;

    /// <summary>Whether it is this one that has it.</summary>
    public bool IsHeldBy(object run) => Volatile.Read(ref _holder) == run;
}
