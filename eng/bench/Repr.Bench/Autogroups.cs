namespace Repr.Bench;

/// <summary>
/// Turns the kernel's autogroups off until it is disposed (sched(7)). With them each session of processes gets the same share of a processor, however many threads it has: a
/// worker's sandbox is a session of its own, and a local compiler server is one with the build that started it, so that on one machine which plays both sides
/// the two would be scheduled by different rules. Without root, or where there are none, nothing is changed.
/// </summary>
internal sealed class Autogroups : IDisposable
{
    private readonly string? _setting;

    private Autogroups(string? setting) => _setting = setting;

    /// <summary>Turns them off, if they are on.</summary>
    /// <param name="setting">The file that says so.</param>
    public static Autogroups TurnOff(string setting = "/proc/sys/kernel/sched_autogroup_enabled")
    {
        try
        {
            if (File.Exists(setting) && File.ReadAllText(setting).Trim() == "1")
            {
                File.WriteAllText(setting, "0");
                return new Autogroups(setting);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The builds are measured as they are; the README says what that does.
        }

        return new Autogroups(null);
    }

    /// <summary>Turns them on again.</summary>
    public void Dispose()
    {
        if (_setting is not null)
        {
            File.WriteAllText(_setting, "1");
        }
    }
}
