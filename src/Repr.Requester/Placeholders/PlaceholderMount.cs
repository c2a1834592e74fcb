using Microsoft.Extensions.Logging;
using Repr.Requester.Actions;
using Repr.Requester.Content;

namespace Repr.Requester.Placeholders;

/// <summary>
/// Mounts the directory of the placeholders when it is needed first, and takes it away at the end. Of several requester processes of one
/// user and runtime directory one serves it for all. Safe for concurrent use.
/// </summary>
/// <param name="directory">Absolute path.</param>
/// <param name="contents">What is in it.</param>
/// <param name="mount">Mounts; null: this system has no such file systems.</param>
/// <param name="log">For what goes wrong.</param>
internal sealed partial class PlaceholderMount(string directory, PlaceholderContents contents, MountFiles? mount, ILogger log) : IAsyncDisposable
{
    private readonly SemaphoreSlim _mounting = new(1);
    private FileStream? _lock;
    private IAsyncDisposable? _mount;
    private string? _failure;

    /// <summary>Makes sure that placeholders can be read.</summary>
    /// <param name="notices">Gets one that says why they cannot.</param>
    /// <param name="cancellationToken">Stops the mounting.</param>
    public async ValueTask<bool> TryMountAsync(TransferStatistics notices, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _mount) is not null)
        {
            return true;
        }

        await _mounting.WaitAsync(cancellationToken);
        try
        {
            if (_mount is null && _failure is null)
            {
                if (TryLock() is not { } mine)
                {
                    return true; // another process serves them
                }

                await MountAsync(mine, cancellationToken);
            }
        }
        finally
        {
            _mounting.Release();
        }

        if (_failure is { } why)
        {
            notices.Notice(MessageCodes.NoPlaceholders, $"ReprDownload=minimal is not possible here, all outputs are downloaded: {why}");
        }

        return _mount is not null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_mount is not null)
        {
            await _mount.DisposeAsync();
        }

        if (_lock is not null)
        {
            await _lock.DisposeAsync();
        }
    }

    private async Task MountAsync(FileStream mine, CancellationToken cancellationToken)
    {
        try
        {
            if (mount is null)
            {
                throw new IOException("it needs Linux.");
            }

            Volatile.Write(ref _mount, await mount(directory, contents, log, cancellationToken));
            _lock = mine;
            Log.Mounted(log, directory);
        }
        catch (Exception exception)
        {
            await mine.DisposeAsync();
            if (exception is not (IOException or UnauthorizedAccessException))
            {
                throw;
            }

            _failure = exception.Message;
            Log.NotMounted(log, MessageCodes.NoPlaceholders, exception.Message);
        }
    }

    private FileStream? TryLock()
    {
        try
        {
            return new FileStream(directory + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Placeholders are served at {Directory}")]
        public static partial void Mounted(ILogger log, string directory);

        [LoggerMessage(Level = LogLevel.Warning, Message = "{Code}: there are no placeholders: {Reason}")]
        public static partial void NotMounted(ILogger log, string code, string reason);
    }
}
