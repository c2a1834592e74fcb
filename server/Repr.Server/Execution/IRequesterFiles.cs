namespace Repr.Server.Execution;

/// <summary>
/// The requester as an action sees it: someone who can be asked about files. Safe for concurrent use; each call is one question
/// on the session stream. The path's existence, kind and content are the requester's word; its read policy may refuse.
/// </summary>
internal interface IRequesterFiles
{
    /// <summary>What is at this path? The fact's path is the asked one.</summary>
    /// <exception cref="ReprException">Refused, failed, malformed, or the session ended.</exception>
    Task<InputFact> AskEntryAsync(VirtualPath path, CancellationToken cancellationToken);

    /// <summary>What is in this directory? One fact per name.</summary>
    /// <exception cref="ReprException">Refused, failed, malformed, or the session ended.</exception>
    Task<IReadOnlyList<InputFact>> AskListingAsync(VirtualPath directory, CancellationToken cancellationToken);

    /// <summary>Which content has this file? It is in the store when this returns.</summary>
    /// <exception cref="ReprException">Refused, failed, malformed, or the session ended.</exception>
    Task<FileFact> AskContentAsync(VirtualPath file, CancellationToken cancellationToken);

    /// <summary>Whether it answers <see cref="AskManyAsync"/>.</summary>
    bool AnswersMany => false;

    /// <summary>What is at these paths? One question, of which no part is refused: what may not be said is left out.</summary>
    /// <param name="inputs">The paths, at most <see cref="MaximumMany"/>; a file that was read is wanted with its digest, a listed directory with its entries.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Facts about some of them, what is on the way to them, and entries of directories that are complete. Digests are of content in the store.</returns>
    /// <exception cref="ReprException">Malformed, or the session ended.</exception>
    Task<IReadOnlyList<InputFact>> AskManyAsync(IReadOnlyCollection<ObservedInput> inputs, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<InputFact>>([]);

    /// <summary>Paths in one question.</summary>
    const int MaximumMany = 4096;
}
