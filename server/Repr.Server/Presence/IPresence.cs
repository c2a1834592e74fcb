namespace Repr.Server.Presence;

/// <summary>Tells whether somebody uses this machine. Called by one thread at a time; asked about once a second.</summary>
internal interface IPresence : IAsyncDisposable
{
    /// <summary>What tells it, for the log: as in "logind".</summary>
    string Name { get; }

    /// <summary>Looks now.</summary>
    /// <returns>For how long nobody has used it; zero: somebody does.</returns>
    /// <exception cref="PresenceException">It can't be told now.</exception>
    ValueTask<TimeSpan> LookAsync(CancellationToken cancellationToken);
}

/// <summary>Whether somebody is there can't be told. The message is a sentence.</summary>
internal sealed class PresenceException(string message, Exception? innerException = null) : Exception(message, innerException);
