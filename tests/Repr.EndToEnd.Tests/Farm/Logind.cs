using System.Diagnostics;

namespace Repr.EndToEnd.Tests.Farm;

/// <summary>
/// systemd's own logind on a bus of its own, in a mount namespace of its own: whether the machine is idle is what a test says by an inhibitor,
/// as a film does. Needs root.
/// </summary>
internal sealed class Logind : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-logind-").FullName;
    private readonly List<Process> _processes = [];
    private Process? _user;

    /// <summary>The bus, for the variable <c>DBUS_SYSTEM_BUS_ADDRESS</c>.</summary>
    public string Address => $"unix:path={_directory}/bus";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<Logind> StartAsync()
    {
        Logind logind = new();
        string configuration = Path.Combine(logind._directory, "bus.conf");
        await File.WriteAllTextAsync(
            configuration,
            $"""
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <type>system</type><listen>{logind.Address}</listen><auth>EXTERNAL</auth>
              <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
            </busconfig>
            """,
            Cancellation);
        logind.Run("dbus-daemon", $"--config-file={configuration}", "--nofork", "--nopidfile");
        while (!File.Exists(Path.Combine(logind._directory, "bus")))
        {
            await Task.Delay(20, Cancellation);
        }

        logind.Run(
            "unshare", "--mount", "--kill-child", "--fork", "sh", "-c", "mount -t tmpfs run /run && mkdir -p /run/systemd && exec /lib/systemd/systemd-logind");
        while (!await logind.IsIdleAsync())
        {
            await Task.Delay(20, Cancellation);
        }

        return logind;
    }

    /// <summary>Somebody uses the machine from now on.</summary>
    public async Task ComeBackAsync()
    {
        _user = Run("systemd-inhibit", "--what=idle", "--who=test", "--why=test", "--mode=block", "cat");
        while (await IsIdleAsync())
        {
            await Task.Delay(20, Cancellation);
        }
    }

    /// <summary>Nobody does.</summary>
    public async Task GoAwayAsync()
    {
        await EndAsync(_user!);
        while (!await IsIdleAsync())
        {
            await Task.Delay(20, Cancellation);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (Process process in _processes.AsEnumerable().Reverse())
        {
            await EndAsync(process);
            process.Dispose();
        }

        Directory.Delete(_directory, recursive: true);
    }

    private static async Task EndAsync(Process process)
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private async Task<bool> IsIdleAsync()
    {
        using Process busctl = Start(
            "busctl", "get-property", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "IdleHint");
        string text = await busctl.StandardOutput.ReadToEndAsync(Cancellation);
        await busctl.WaitForExitAsync(Cancellation);
        return text.Trim() == "b true";
    }

    private Process Run(string program, params string[] arguments)
    {
        Process process = Start(program, arguments);
        _processes.Add(process);
        return process;
    }

    // Their input is a pipe that stays open: cat waits.
    private Process Start(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DBUS_SYSTEM_BUS_ADDRESS"] = Address;
        return Process.Start(start)!;
    }
}
