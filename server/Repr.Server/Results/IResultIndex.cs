using Repr.Protocol.V1;

namespace Repr.Server.Results;

/// <summary>What is known of a command.</summary>
/// <param name="PathSets">What its runs looked at, most recently used first.</param>
/// <param name="NotRepeatableSince">When two runs in the same world left different things; null: they never did.</param>
internal sealed record CommandEntry(IReadOnlyList<KnownPathSet> PathSets, DateTimeOffset? NotRepeatableSince);

/// <summary>A path set of a command.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Results">The strong fingerprints of its last results, most recently used first.</param>
internal sealed record KnownPathSet(Digest Id, IReadOnlyList<Digest> Results);

/// <summary>
/// Finds results of tools' runs: weak fingerprint to path sets, strong fingerprint to result. It may forget anything at any time. Safe for
/// concurrent use.
/// </summary>
internal interface IKnownResults
{
    /// <summary>What is known of a command; null: nothing.</summary>
    Task<CommandEntry?> FindCommandAsync(Digest weak, CancellationToken cancellationToken);

    /// <summary>The paths of a set; null: they are not known any more.</summary>
    Task<PathSet?> FindPathSetAsync(Digest id, CancellationToken cancellationToken);

    /// <summary>A result; null: there is none. Its blobs may be gone.</summary>
    Task<KnownResult?> FindResultAsync(Digest strong, CancellationToken cancellationToken);
}

/// <summary>Results that this worker keeps. Written by workers alone: whoever can write it decides what callers get. Safe for concurrent use.</summary>
internal interface IResultIndex : IKnownResults
{
    /// <summary>Adds a result, in place of an earlier one of the same fingerprint.</summary>
    /// <exception cref="ReprException">It cannot be written.</exception>
    Task AddAsync(Digest weak, Digest pathSetId, PathSet paths, Digest strong, KnownResult result, CancellationToken cancellationToken);

    /// <summary>Notes that a result was taken: of its command, its path set is now the first.</summary>
    /// <exception cref="ReprException">It cannot be written.</exception>
    Task UseAsync(Digest weak, Digest pathSetId, Digest strong, CancellationToken cancellationToken);

    /// <summary>Forgets a result.</summary>
    /// <exception cref="ReprException">It cannot be written.</exception>
    Task ForgetAsync(Digest strong, CancellationToken cancellationToken);

    /// <summary>Notes that a command is not repeatable, and forgets its results.</summary>
    /// <exception cref="ReprException">It cannot be written.</exception>
    Task RefuseAsync(Digest weak, DateTimeOffset now, CancellationToken cancellationToken);
}
