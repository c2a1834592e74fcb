namespace Repr;

/// <summary>
/// Short messages by name, beside the content of a store: what the Remote Execution API calls an action cache. A store may put what it is given
/// together with what it has, and may forget anything at any time. It checks nothing: whoever reads a message finds out whether to believe it.
/// An <see cref="IContentStore"/> that has messages implements this as well. Safe for concurrent use.
/// </summary>
public interface IMessageStore
{
    /// <summary>Reads a message.</summary>
    /// <param name="name">Its name; the length in it means nothing.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null: there is none.</returns>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: the store does not answer.</exception>
    ValueTask<ReadOnlyMemory<byte>?> FindMessageAsync(Digest name, CancellationToken cancellationToken);

    /// <summary>Keeps a message, in place of an earlier one or together with it.</summary>
    /// <param name="name">Its name; the length in it means nothing.</param>
    /// <param name="message">The message, at most a few MiB.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.Unavailable"/>: the store does not answer, or does not take it. <see cref="ReprErrorCode.Exhausted"/>: there is no space.
    /// </exception>
    ValueTask PutMessageAsync(Digest name, ReadOnlyMemory<byte> message, CancellationToken cancellationToken);
}
