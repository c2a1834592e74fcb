using System.Text.RegularExpressions;

namespace Repr.Server.Presence;

/// <summary>
/// When somebody typed into a terminal last, as w(1) has it: the kernel keeps it, to 8 s, as the access time of the terminal's device. For machines
/// without logind that nobody sits at: keyboards and mice of a desktop leave no trace there.
/// </summary>
/// <param name="devices">The directory of devices.</param>
/// <param name="time">The clock.</param>
internal sealed partial class TerminalPresence(string devices, TimeProvider time) : IPresence
{
    /// <inheritdoc/>
    public string Name => "terminals";

    /// <summary>Whether this machine has a mouse: then somebody may sit at it, whom no terminal knows.</summary>
    public static bool HasMouse(string inputDevices) =>
        File.Exists(inputDevices) && File.ReadLines(inputDevices).Any(static line => MouseHandler().IsMatch(line));

    /// <inheritdoc/>
    public ValueTask<TimeSpan> LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            DateTime last = DateTime.MinValue;
            foreach (string terminal in Terminals())
            {
                DateTime used = File.GetLastAccessTimeUtc(terminal); // of one that is closed meanwhile: 1601
                last = used > last ? used : last;
            }

            TimeSpan away = last == DateTime.MinValue ? TimeSpan.MaxValue : time.GetUtcNow().UtcDateTime - last;
            return ValueTask.FromResult(away > TimeSpan.Zero ? away : TimeSpan.Zero);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new PresenceException($"The terminals in '{devices}' can't be looked at: {failure.Message.TrimEnd('.')}.", failure);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // tty1 to tty63 are consoles, ttyS and ttyUSB lines to elsewhere; pts those of ssh and of desktops.
    private IEnumerable<string> Terminals()
    {
        string pseudo = Path.Combine(devices, "pts");
        return Directory.EnumerateFiles(devices, "tty*").Where(static file => Path.GetFileName(file) != "tty") // that is the one of whoever asks
            .Concat(Directory.Exists(pseudo) ? Directory.EnumerateFiles(pseudo).Where(static file => !file.EndsWith("ptmx", StringComparison.Ordinal)) : []);
    }

    [GeneratedRegex(@"^H: Handlers=.*\bmouse\d")]
    private static partial Regex MouseHandler();
}
