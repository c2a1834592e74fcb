using Microsoft.Extensions.Logging;

namespace Repr.Server.Presence;

/// <summary>When a machine takes work of others.</summary>
/// <param name="Away">Its owner has been away for so long...</param>
/// <param name="OthersLoad">...or his programs have used less than so many processors for so long; 0: that does not count.</param>
internal sealed record IdleRule(TimeSpan Away, double OthersLoad);

/// <summary>
/// Opens the gate while the machine's owner does not need it, and closes it as soon as he does. What can't be told counts as his presence.
/// </summary>
/// <param name="presence">Who is there; owned. Null: only the load counts.</param>
/// <param name="use">How busy others keep the machine.</param>
/// <param name="rule">When it is free.</param>
/// <param name="gate">What is opened and closed.</param>
/// <param name="announce">Says so to who sends actions here; ended after a while.</param>
/// <param name="release">Gives back what is kept for later actions.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Is told when it opens and closes.</param>
internal sealed partial class OwnerWatch(
    IPresence? presence,
    ProcessorUse use,
    IdleRule rule,
    OwnerGate gate,
    Func<CancellationToken, Task> announce,
    Func<Task> release,
    TimeProvider time,
    ILogger<OwnerWatch> logger)
    : IAsyncDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_announcing = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private long? _quietSince;
    private bool _isBlind;

    /// <summary>Looks for the first time, so that nothing is taken before, and then once a second.</summary>
    /// <param name="cancellationToken">Ends the first look.</param>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        gate.Refuse(InUse);
        Log.Watching(logger, presence?.Name ?? "load alone");
        await LookAsync(cancellationToken);
        _running = RunAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
        if (presence is not null)
        {
            await presence.DisposeAsync();
        }
    }

    private static string InUse => $"The machine '{Environment.MachineName}' is needed by its user now, and takes no actions.";

    private async Task RunAsync()
    {
        using PeriodicTimer timer = new(s_interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                try
                {
                    await LookAsync(_stop.Token);
                }
#pragma warning disable CA1031 // whatever it is: the machine is its user's until more is known
                catch (Exception exception) when (exception is not OperationCanceledException)
#pragma warning restore CA1031
                {
                    Log.Failed(logger, exception);
                    gate.Refuse(InUse);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It stops.
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        bool isFree = await IsFreeAsync(cancellationToken);
        if (isFree && !gate.IsOpen)
        {
            gate.Open();
            Log.Free(logger);
            await AnnounceAsync();
        }
        else if (!isFree && gate.IsOpen)
        {
            gate.Refuse(InUse);
            Log.InUse(logger);
            await AnnounceAsync();
            await gate.GiveBackAsync();
            await release();
        }
    }

    private async ValueTask<bool> IsFreeAsync(CancellationToken cancellationToken)
    {
        try
        {
            TimeSpan away = presence is null ? TimeSpan.Zero : await presence.LookAsync(cancellationToken);
            bool isQuiet = rule.OthersLoad > 0 && IsQuiet();
            if (_isBlind)
            {
                _isBlind = false;
                Log.SeesAgain(logger);
            }

            return (away > TimeSpan.Zero && away >= rule.Away) || isQuiet;
        }
        catch (PresenceException failure)
        {
            if (!_isBlind)
            {
                _isBlind = true;
                Log.Blind(logger, failure.Message);
            }

            _quietSince = null;
            return false;
        }
    }

    private bool IsQuiet()
    {
        if (use.Look() is not { } busy || busy >= rule.OthersLoad)
        {
            _quietSince = null;
            return false;
        }

        _quietSince ??= time.GetTimestamp();
        return time.GetElapsedTime(_quietSince.Value) >= rule.Away;
    }

    // Nobody waits for a farm that does not answer: its owner comes first.
    private async Task AnnounceAsync()
    {
        using CancellationTokenSource limit = new(s_announcing, time);
        try
        {
            await announce(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // The worker refuses what still comes.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Error, "Whether the machine is free could not be found out; until it is it takes no actions")]
        public static partial void Failed(ILogger logger, Exception exception);

        [LoggerMessage(LogLevel.Information, "Takes actions only while nobody needs this machine, by its {Source}")]
        public static partial void Watching(ILogger logger, string source);

        [LoggerMessage(LogLevel.Information, "Nobody needs this machine: it takes actions")]
        public static partial void Free(ILogger logger);

        [LoggerMessage(LogLevel.Information, "This machine is needed: it takes no more actions, and those that run go elsewhere")]
        public static partial void InUse(ILogger logger);

        [LoggerMessage(LogLevel.Warning, "Whether this machine is in use can't be told, and it takes no actions until it can: {Reason}")]
        public static partial void Blind(ILogger logger, string reason);

        [LoggerMessage(LogLevel.Information, "Whether this machine is in use can be told again")]
        public static partial void SeesAgain(ILogger logger);
    }
}
