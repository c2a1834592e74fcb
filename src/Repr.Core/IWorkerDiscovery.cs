namespace Repr;

/// <summary>
/// Knows the addresses of workers. Finding a worker is not trusting it: whether it may be used is decided by TLS and what it is shown. Safe
/// for concurrent use.
/// </summary>
public interface IWorkerDiscovery
{
    /// <summary>
    /// The addresses as they are now, and again whenever they change; each time all of them, as in "http://10.0.0.7:7070". The first comes as
    /// soon as it is known. An empty set says that there are no workers. While it can't be found out what they are, nothing comes, and the last
    /// set holds: a name server that is away takes no worker away. The end says that nothing changes any more.
    /// </summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="Exception">
    /// It can't be found out. The host tells the first such failure in a row, lets the last set hold, and asks again after some seconds.
    /// </exception>
    IAsyncEnumerable<IReadOnlyCollection<Uri>> WatchAsync(CancellationToken cancellationToken);
}
