using Microsoft.Extensions.Logging;

namespace Repr.Requester;

/// <summary>Shows files at a directory of this machine, to this user's processes, until what it returns is disposed.</summary>
/// <param name="directory">Absolute path; made if it is not there.</param>
/// <param name="files">What is shown; files may come and go.</param>
/// <param name="log">For what goes wrong.</param>
/// <param name="cancellationToken">Stops the mounting.</param>
/// <exception cref="IOException">It is not possible here; the message says why, and what to do.</exception>
public delegate Task<IAsyncDisposable> MountFiles(string directory, IFileSource files, ILogger log, CancellationToken cancellationToken);
