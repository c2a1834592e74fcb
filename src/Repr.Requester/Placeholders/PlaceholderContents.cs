using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Repr.Requester.Actions;
using Repr.Requester.Content;
using Repr.Requester.Files;

namespace Repr.Requester.Placeholders;

/// <summary>
/// Placeholders: symbolic links into a directory that nobody lists, where each name is the file that it describes. Their bytes are fetched
/// from the workers when somebody opens them, checked, and kept in the content cache. What no worker has any more is gone: from then on it
/// is as if it never was, so that a build makes it again. Safe for concurrent use.
/// </summary>
/// <param name="directory">Absolute path of the directory that links lead into.</param>
/// <param name="temporaries">Directory for files that are being fetched.</param>
/// <param name="workers">Who may have contents.</param>
/// <param name="connect">Reaches one of them.</param>
/// <param name="kept">Contents of this machine; null: none are kept.</param>
/// <param name="log">Told what is gone.</param>
internal sealed partial class PlaceholderContents(
    string directory,
    string temporaries,
    PlaceholderWorkers workers,
    Func<Uri, CancellationToken, Task<ContentDownloader>> connect,
    ILocalContentStore? kept,
    ILogger log) : IFileSource
{
    private const int DirectoryMode = 0x16D; // 0o555

    private readonly ConcurrentDictionary<Digest, byte> _lost = new();
    private readonly ConcurrentDictionary<Digest, SemaphoreSlim> _fetching = new();
    private readonly ConcurrentQueue<Notice> _notices = new();
    private readonly TransferStatistics _hydrated = new();

    /// <summary>What was fetched because somebody opened it.</summary>
    public TransferStatistics Hydrated => _hydrated;

    /// <summary>Whether there may be placeholders, of this process or an earlier one.</summary>
    public bool MayExist => workers.Endpoints.Count > 0;

    /// <summary>Makes a placeholder of an output.</summary>
    /// <param name="placeholder">The output.</param>
    /// <param name="endpoint">The worker that has its content.</param>
    /// <returns>Where the link leads.</returns>
    public string Place(Placeholder placeholder, Uri endpoint)
    {
        workers.Note(endpoint);
        _lost.TryRemove(placeholder.Digest, out _);
        return $"{directory}/{placeholder.Directory}/{placeholder.Name}";
    }

    /// <summary>What a link is: of a placeholder the file that it stands for, null when that is gone; of any other link the link.</summary>
    /// <param name="link">The link's own attributes.</param>
    /// <param name="target">Its text.</param>
    public FileStat? See(FileStat link, string target)
    {
        const int RegularFile = 0x8000;
        if (Find(target) is not { } placeholder)
        {
            return link;
        }

        return _lost.ContainsKey(placeholder.Digest)
            ? null
            : link with
            {
                RawMode = RegularFile | placeholder.Mode,
                SizeBytes = placeholder.Digest.SizeBytes,
                ModifiedNs = placeholder.ModifiedNs,
                Content = new PlaceholderContent(placeholder.Digest, this),
            };
    }

    /// <summary>Opens a content on this machine, fetched and checked. The caller disposes the handle.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Corrupt"/>: nobody has it any more.</exception>
    public async ValueTask<SafeFileHandle> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        SemaphoreSlim gate = _fetching.GetOrAdd(digest, static _ => new SemaphoreSlim(1));
        await gate.WaitAsync(cancellationToken);
        try
        {
            if (kept?.TryOpenFile(digest) is { } here)
            {
                return here;
            }

            SafeFileHandle fetched = await FetchAsync(digest, cancellationToken);
            if (kept?.TryOpenFile(digest) is not { } file)
            {
                return fetched;
            }

            fetched.Dispose();
            return file;
        }
        finally
        {
            _fetching.TryRemove(digest, out _); // who comes between fetches once more at worst
            gate.Release();
        }
    }

    /// <summary>Looks which of these files are placeholders that nobody can fill any more, and removes them. The others' contents live on.</summary>
    /// <returns>What was removed.</returns>
    public async Task<IReadOnlyList<string>> RefreshAsync(IEnumerable<string> files, CancellationToken cancellationToken)
    {
        Dictionary<string, Placeholder> placeholders = files
            .Select(file => (File: file, Placeholder: FindAt(file)))
            .Where(pair => pair.Placeholder is not null)
            .ToDictionary(pair => pair.File, pair => pair.Placeholder!, StringComparer.Ordinal);
        IReadOnlyCollection<Digest> missing = [.. placeholders.Values.Select(placeholder => placeholder.Digest).Distinct()];
        if (kept is not null && missing.Count > 0)
        {
            missing = await kept.FindMissingAsync(missing, cancellationToken);
        }

        List<string> reasons = [];
        foreach (Uri endpoint in workers.Endpoints.TakeWhile(_ => missing.Count > 0))
        {
            try
            {
                missing = await (await connect(endpoint, cancellationToken)).FindMissingAsync(missing, cancellationToken);
            }
            catch (Exception exception) when (exception is ReprException or ActionFailureException)
            {
                reasons.Add(exception.Message);
            }
        }

        List<string> removed = [];
        foreach ((string file, Placeholder placeholder) in placeholders.Where(pair => missing.Contains(pair.Value.Digest)))
        {
            Lose(placeholder.Digest, reasons);
            File.Delete(file);
            removed.Add(file);
        }

        return removed;
    }

    /// <summary>Removes those of these files that are placeholders, to make way for a tool of this machine, which would write through them.</summary>
    public void MakeWay(IEnumerable<string> files)
    {
        foreach (string file in files.Where(file => FindAt(file) is not null))
        {
            File.Delete(file);
        }
    }

    /// <summary>Hands over what the user should know since the last time.</summary>
    public void TakeNotices(TransferStatistics statistics)
    {
        while (_notices.TryDequeue(out Notice notice))
        {
            statistics.Notice(notice.Code, notice.Message);
        }
    }

    /// <inheritdoc/>
    public ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken) => ValueTask.FromResult(path.Text.Split('/') switch
    {
        ["", ""] => new FileEntry("", FileKind.Directory, 0, 0, DirectoryMode),
        ["", string place] when Placeholder.TryParse(place, "", out _) => new FileEntry(place, FileKind.Directory, 0, 0, DirectoryMode),
        ["", string place, string name] when Placeholder.TryParse(place, name, out Placeholder? file) && !_lost.ContainsKey(file.Digest) =>
            new FileEntry(name, FileKind.File, file.Digest.SizeBytes, file.ModifiedNs, file.Mode),
        _ => null,
    });

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<FileEntry>>([]); // every name that can be is there

    /// <inheritdoc/>
    public ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken) => Find(directory + file.Text) is { } placeholder
        ? OpenAsync(placeholder.Digest, cancellationToken)
        : throw new ReprException(ReprErrorCode.InvalidRequest, $"'{file}' is no placeholder.");

    private Placeholder? Find(string target)
    {
        if (!target.StartsWith(directory, StringComparison.Ordinal) || target.Length <= directory.Length || target[directory.Length] != '/')
        {
            return null;
        }

        return target[(directory.Length + 1)..].Split('/') is [string place, string name]
            && Placeholder.TryParse(place, name, out Placeholder? placeholder) ? placeholder : null;
    }

    private Placeholder? FindAt(string file)
    {
        try
        {
            return VirtualPath.TryParse(file, out VirtualPath path, out _) && Disk.TryStat(path) is { IsSymlink: true }
                ? Find(Disk.ReadLink(path))
                : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // A file without a name: whatever happens, nothing is left.
    private async Task<SafeFileHandle> FetchAsync(Digest digest, CancellationToken cancellationToken)
    {
        string path = Path.Combine(temporaries, $".{Guid.NewGuid():N}{OutputWriter.TemporarySuffix}");
        SafeFileHandle file = File.OpenHandle(
            path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous);
        bool isFetched = false;
        try
        {
            File.Delete(path);
            List<string> reasons = [];
            foreach (Uri endpoint in workers.Endpoints)
            {
                try
                {
                    RandomAccess.SetLength(file, 0);
                    await (await connect(endpoint, cancellationToken)).FetchAsync([new Download(digest, file)], _hydrated, cancellationToken);
                    isFetched = true;
                    return file;
                }
                catch (Exception exception) when (exception is ReprException or ActionFailureException)
                {
                    reasons.Add(exception.Message);
                }
            }

            throw new ReprException(ReprErrorCode.Corrupt, Lose(digest, reasons));
        }
        finally
        {
            if (!isFetched)
            {
                file.Dispose();
            }
        }
    }

    private string Lose(Digest digest, List<string> reasons)
    {
        string why = string.Concat(reasons.Distinct().Select(reason => $" {reason.TrimEnd('.')}."));
        string message = $"The content {digest} of a file that was not downloaded (ReprDownload=minimal) can be had from no worker any more.{why} "
            + "Files of this content count as not there; build again to make them.";
        if (_lost.TryAdd(digest, 0))
        {
            _notices.Enqueue(new Notice(MessageCodes.PlaceholderLost, message));
            Log.Lost(log, MessageCodes.PlaceholderLost, message);
        }

        return message;
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "{Code}: {Message}")]
        public static partial void Lost(ILogger log, string code, string message);
    }
}
