using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Repr.Discovery.File;

/// <summary>Reads a file and watches it. A file that is not there, or that has a line which is no address, fails: the last set holds.</summary>
internal sealed class FileDiscovery(string path, TimeSpan check, TimeProvider time) : IWorkerDiscovery
{
    private static readonly char[] Comment = ['#'];

    // Who writes in place empties the file first: a moment for the rest. What is still half written then is read again when it changes.
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(100);

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyCollection<Uri>> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Channel<bool> changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        using FileSystemWatcher? watcher = TryWatch(() => changes.Writer.TryWrite(true));
        string? before = null;
        while (true)
        {
            string text = await System.IO.File.ReadAllTextAsync(path, cancellationToken);
            if (text != before)
            {
                before = text;
                yield return Parse(text);
            }

            using CancellationTokenSource next = new(check, time);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(next.Token, cancellationToken);
            try
            {
                await changes.Reader.ReadAsync(either.Token);
                await Task.Delay(Settling, time, either.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Time to look.
            }
        }
    }

    // The directory: writers replace a file by renaming another one. Where that can't be watched, time will tell.
    private FileSystemWatcher? TryWatch(Action changed)
    {
        FileSystemWatcher? watcher = null;
        try
        {
            watcher = new FileSystemWatcher(Path.GetDirectoryName(path)!);
            watcher.Created += (_, _) => changed();
            watcher.Changed += (_, _) => changed();
            watcher.Renamed += (_, _) => changed();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception exception) when (exception is IOException or ArgumentException or UnauthorizedAccessException)
        {
            watcher?.Dispose();
            return null;
        }
    }

    private List<Uri> Parse(string text)
    {
        List<Uri> addresses = [];
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            string address = line.Split(Comment, 2)[0].Trim();
            if (address.Length == 0)
            {
                continue;
            }

            addresses.Add(
                Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" && uri.PathAndQuery == "/"
                    ? uri
                    : throw new FormatException($"{path}, line {number}: '{address}' is not of the form http://host:port or https://host:port"));
        }

        return addresses;
    }
}
