using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;

namespace Repr.Workspaces.Fuse;

/// <summary>
/// For each slot one sandbox that is ready for the next action, made while the last one's tool runs: an action then waits for its own
/// files alone. There are no more than processors: where more actions run at once, they wait for those. What is not wanted within a
/// minute, or can't be made, is not there: the action makes its sandbox itself. Safe for concurrent use.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed partial class SpareSandboxes(SandboxServices services) : IAsyncDisposable
{
    private static readonly TimeSpan s_life = TimeSpan.FromMinutes(1);
    private static readonly int s_maximum = Environment.ProcessorCount;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, Entry> _entries = [];
    private readonly CancellationTokenSource _ended = new();

    /// <summary>Takes the one of a slot, when it is what is wanted; it is the caller's then. Null: there is none.</summary>
    public async ValueTask<SpareSandbox?> TakeAsync(int slot, SpareKey key)
    {
        Entry? entry;
        lock (_lock)
        {
            if (!_entries.Remove(slot, out entry))
            {
                return null;
            }
        }

        await entry.Timer.DisposeAsync();
        SpareSandbox? spare = await entry.Making;
        if (spare is null || (entry.Key == key && spare.IsAlive))
        {
            return spare;
        }

        await spare.DisposeAsync();
        return null;
    }

    /// <summary>Begins to make one, unless there is one.</summary>
    /// <param name="slot">For which slot.</param>
    /// <param name="command">What it would be wanted for.</param>
    /// <param name="key">What it must be.</param>
    /// <param name="stagingRoot">Where directories of sandboxes lie.</param>
    public void Prepare(int slot, Command command, SpareKey key, string stagingRoot)
    {
        lock (_lock)
        {
            if (_ended.IsCancellationRequested || _entries.Count >= s_maximum || _entries.ContainsKey(slot))
            {
                return;
            }

            string staging = StagingDirectory.NewPath(stagingRoot, "spare");
            Entry entry = new(key, Task.Run(() => MakeAsync(staging, command, key)));
            entry.Timer = services.TimeProvider.CreateTimer(_ => _ = ExpireAsync(slot, entry), null, s_life, Timeout.InfiniteTimeSpan);
            _entries.Add(slot, entry);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Entry[] left;
        await _ended.CancelAsync();
        lock (_lock)
        {
            left = [.. _entries.Values];
            _entries.Clear();
        }

        foreach (Entry entry in left)
        {
            await EndAsync(entry);
        }
    }

    private async Task<SpareSandbox?> MakeAsync(string staging, Command command, SpareKey key)
    {
        try
        {
            Directory.CreateDirectory(staging);
            return await SpareSandbox.MakeAsync(services, staging, command, key, _ended.Token);
        }
        catch (Exception exception) when (exception is ReprException or OperationCanceledException or IOException or UnauthorizedAccessException)
        {
            LogNotMade(services.Logger, exception.Message); // who makes his own will hear of it
            StagingDirectory.TryDelete(staging, services.Logger);
            return null;
        }
    }

    private async Task ExpireAsync(int slot, Entry entry)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(slot, out Entry? now) || now != entry)
            {
                return;
            }

            _entries.Remove(slot);
        }

        await EndAsync(entry);
    }

    private static async Task EndAsync(Entry entry)
    {
        await entry.Timer.DisposeAsync();
        if (await entry.Making is { } spare)
        {
            await spare.DisposeAsync();
        }
    }

    private sealed class Entry(SpareKey key, Task<SpareSandbox?> making)
    {
        public SpareKey Key => key;

        public Task<SpareSandbox?> Making => making;

        public ITimer Timer { get; set; } = null!;
    }

    /// <summary>Tells that something which is made before it is needed could not be made.</summary>
    [LoggerMessage(LogLevel.Debug, "No sandbox is ready for the next action: {Reason}")]
    internal static partial void LogNotMade(ILogger logger, string reason);
}
