using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Repr.Server.Execution;
using Repr.Workspaces;
using Repr.Workspaces.Resident;

namespace Repr.Server.Warm;

/// <summary>How long servers of tools are kept.</summary>
/// <param name="IdleLimit">A server that nobody used for so long is ended; zero: there are no servers.</param>
/// <param name="MemoryLimitBytes">One that occupies more after an action is ended.</param>
internal sealed record WarmToolOptions(TimeSpan IdleLimit, long MemoryLimitBytes);

/// <summary>
/// The servers that are alive: at most as many as slots. Each is lent to one action at a time, kept when it comes back in order, and
/// ended when nobody wants it for long, when it grew too large, or when another needs its place. Safe for concurrent use.
/// </summary>
internal sealed partial class WarmServers(
    IResidentProvider workspaces, int maximum, string stagingRoot, WarmToolOptions options, TimeProvider time, ILogger<WarmServers> logger)
    : IAsyncDisposable
{
    private const int MaximumLingeringWorlds = 64;
    private const int MaximumServed = 2000; // what a plugin of the tool leaks is limited too

    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly List<WarmServer> _idle = [];
    private readonly SortedSet<int> _numbers = [.. Enumerable.Range(maximum, maximum)]; // beyond those of cold actions
    private readonly HashSet<WarmKey> _unusable = [];
    private ITimer? _sweeper;
    private bool _disposed;

    /// <summary>False when a server of this key was found to speak a language that nobody here knows.</summary>
    public bool IsUsable(WarmKey key)
    {
        lock (_lock)
        {
            return !_unusable.Contains(key);
        }
    }

    /// <summary>Lends a server that has loaded the programs that an action's requester has; the last used first.</summary>
    /// <param name="key">What it must be.</param>
    /// <param name="files">What the action sees.</param>
    /// <param name="loadedFrom">Where the action lets it load programs, besides its own.</param>
    /// <param name="cancellationToken">Stops the looking.</param>
    /// <returns>Given back by <see cref="GiveBackAsync"/>; null: there is none.</returns>
    /// <exception cref="ReprException">A file could not be had.</exception>
    public async Task<WarmServer?> FindAsync(
        WarmKey key, InputTree files, IReadOnlySet<VirtualPath> loadedFrom, CancellationToken cancellationToken)
    {
        while (true)
        {
            WarmServer? server;
            lock (_lock)
            {
                server = _idle.FindLast(idle => idle.Key == key);
                if (server is null)
                {
                    return null;
                }

                _idle.Remove(server);
            }

            bool isCurrent = false;
            try
            {
                if (!server.Resident.Ended.IsCompleted)
                {
                    VirtualPath? changed = await server.FindChangeAsync(files, loadedFrom, cancellationToken);
                    isCurrent = changed is null;
                    if (changed is { } program)
                    {
                        Log.Changed(logger, server.Tool.Name, program);
                    }
                }
            }
            finally
            {
                if (!isCurrent)
                {
                    await EndAsync(server);
                }
            }

            if (isCurrent)
            {
                return server;
            }
        }
    }

    /// <summary>Starts a server and lends it.</summary>
    /// <param name="tool">Its kind.</param>
    /// <param name="plan">How it is started.</param>
    /// <param name="key">What it is.</param>
    /// <param name="files">What it sees until the first action.</param>
    /// <param name="cancellationToken">Stops the start.</param>
    /// <returns>Given back by <see cref="GiveBackAsync"/>; null: it would speak a language that nobody here knows.</returns>
    /// <exception cref="ReprException">It could not be started, or a file could not be had.</exception>
    /// <exception cref="WarmToolException">It was started and does not listen.</exception>
    public async Task<WarmServer?> StartAsync(
        IWarmTool tool, WarmPlan plan, WarmKey key, InputTree files, CancellationToken cancellationToken)
    {
        if (await tool.PrepareAsync(plan, files, cancellationToken) is not { } prepared)
        {
            lock (_lock)
            {
                _unusable.Add(key);
            }

            Log.Unusable(logger, plan.Server.Arguments[0]);
            return null;
        }

        int number = await TakeNumberAsync();
        IResidentTool? resident = null;
        try
        {
            long start = Stopwatch.GetTimestamp();
            string staging = Directory.CreateDirectory(StagingDirectory.NewPath(stagingRoot, "warm")).FullName;
            resident = await workspaces.StartAsync(staging, number, plan.Server, files, cancellationToken);
            WarmServer server = new(key, tool, prepared, number, resident, time.GetTimestamp());
            await server.AwaitStartAsync(s_startLimit, time, cancellationToken);
            Log.Started(logger, tool.Name, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            return server;
        }
        catch
        {
            if (resident is not null)
            {
                await resident.DisposeAsync();
            }

            lock (_lock)
            {
                _numbers.Add(number);
            }

            throw;
        }
    }

    /// <summary>Takes a server back.</summary>
    /// <param name="server">Which.</param>
    /// <param name="isGood">It has done what it was lent for; else it is ended.</param>
    public async Task GiveBackAsync(WarmServer server, bool isGood)
    {
        long memory = server.MemoryBytes;
        if (memory > options.MemoryLimitBytes)
        {
            Log.TooLarge(logger, server.Tool.Name, memory >> 20);
            isGood = false;
        }

        if (isGood && server.Resident.LingeringWorlds > MaximumLingeringWorlds)
        {
            Log.Lingering(logger, server.Tool.Name, server.Resident.LingeringWorlds);
            isGood = false;
        }

        server.LastUsed = time.GetTimestamp();
        bool isKept = false;
        if (isGood && server.Served < MaximumServed)
        {
            lock (_lock)
            {
                if (!_disposed)
                {
                    _idle.Add(server);
                    isKept = true;
                    _sweeper ??= time.CreateTimer(_ => Sweep(), null, options.IdleLimit / 2, options.IdleLimit / 2);
                }
            }
        }

        if (!isKept)
        {
            await EndAsync(server);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        WarmServer[] left;
        lock (_lock)
        {
            _disposed = true;
            left = [.. _idle];
            _idle.Clear();
        }

        if (_sweeper is not null)
        {
            await _sweeper.DisposeAsync();
        }

        foreach (WarmServer server in left)
        {
            await server.DisposeAsync();
        }
    }

    // There are as many numbers as slots, and an action has a slot: at worst an idle server has to go.
    private async Task<int> TakeNumberAsync()
    {
        while (true)
        {
            WarmServer? oldest;
            lock (_lock)
            {
                if (_numbers.Count > 0)
                {
                    int number = _numbers.Min;
                    _numbers.Remove(number);
                    return number;
                }

                oldest = _idle.MinBy(server => server.LastUsed);
                if (oldest is not null)
                {
                    _idle.Remove(oldest);
                }
            }

            if (oldest is not null)
            {
                await EndAsync(oldest);
            }
            else
            {
                await Task.Delay(TimeSpan.FromMilliseconds(10), time); // one is ending
            }
        }
    }

    private void Sweep() =>
        _ = EndIdleAsync(server => time.GetElapsedTime(server.LastUsed) >= options.IdleLimit || server.Resident.Ended.IsCompleted);

    /// <summary>Ends servers that serve nobody now.</summary>
    /// <param name="which">Which of them.</param>
    public Task EndIdleAsync(Func<WarmServer, bool> which)
    {
        WarmServer[] ended;
        lock (_lock)
        {
            ended = [.. _idle.Where(which)];
            _idle.RemoveAll(ended.Contains);
        }

        return Task.WhenAll(ended.Select(EndAsync));
    }

    private async Task EndAsync(WarmServer server)
    {
        try
        {
            await server.DisposeAsync();
        }
        finally
        {
            lock (_lock)
            {
                _numbers.Add(server.Number);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "A server of {Tool} was started in {Ms:F0} ms")]
        public static partial void Started(ILogger logger, string tool, double ms);

        [LoggerMessage(LogLevel.Information, "'{Program}' speaks a language that this worker does not know; each of its commands gets a process of its own")]
        public static partial void Unusable(ILogger logger, string program);

        [LoggerMessage(LogLevel.Information, "A server of {Tool} is ended since it loaded another '{Program}'")]
        public static partial void Changed(ILogger logger, string tool, VirtualPath program);

        [LoggerMessage(LogLevel.Information, "A server of {Tool} is ended since it maps files of {Worlds} earlier actions")]
        public static partial void Lingering(ILogger logger, string tool, int worlds);

        [LoggerMessage(LogLevel.Information, "A server of {Tool} is ended since it occupies {MiB} MiB")]
        public static partial void TooLarge(ILogger logger, string tool, long mib);
    }
}
