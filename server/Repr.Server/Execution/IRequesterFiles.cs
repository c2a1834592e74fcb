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
}
