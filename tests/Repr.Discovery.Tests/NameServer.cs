using System.Diagnostics;
using System.Globalization;
using System.Net;
using Repr.Testing.Servers;

namespace Repr.Discovery.Tests;

/// <summary>dnsmasq as a process of its own, on a free port of loopback, authoritative for what the test says.</summary>
internal sealed class NameServer : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-dns-").FullName;
    private Process? _process;

    /// <summary>As the plugin's option has it.</summary>
    public string Address => $"127.0.0.1:{Port}";

    private int Port { get; set; }

    /// <summary>Starts it, or starts it again with other records.</summary>
    /// <param name="records">Options of dnsmasq, as in "host-record=a.test,10.0.0.1".</param>
    public async Task StartAsync(params string[] records)
    {
        await StopAsync();
        string configuration = Path.Combine(_directory, "dnsmasq.conf");
        File.WriteAllLines(configuration, ["no-resolv", "no-hosts", "local=/test/", "local-ttl=1", "user=root", "bind-interfaces", "listen-address=127.0.0.1", "no-daemon", .. records]);
        for (int attempt = 0; ; attempt++)
        {
            Port = Port == 0 ? FreePort.Take() : Port;
            ProcessStartInfo start = new("dnsmasq", ["-C", configuration, "-p", Port.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardError = true };
            _process = Process.Start(start)!;
            string said = "";
            while (await _process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            {
                said += line + "\n";
                if (line.Contains("started", StringComparison.Ordinal))
                {
                    _ = _process.StandardError.ReadToEndAsync(CancellationToken.None);
                    return;
                }
            }

            Assert.True(attempt < 10, said);
            Port = 0; // somebody else has it
        }
    }

    /// <summary>Changes the addresses of workers.test; starts it if need be. Nobody who asks meanwhile goes without an answer.</summary>
    public async Task ChangeAsync(IEnumerable<IPAddress> addresses)
    {
        string hosts = Path.Combine(_directory, "hosts");
        await File.WriteAllLinesAsync(hosts, addresses.Select(static address => $"{address} workers.test"));
        if (_process is not { } process)
        {
            await StartAsync($"addn-hosts={hosts}");
            return;
        }

        // dnsmasq(8): SIGHUP clears the cache and reads the files of hosts again.
        using Process signal = Process.Start("kill", ["-HUP", process.Id.ToString(CultureInfo.InvariantCulture)]);
        await signal.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Stops it: nobody answers any more.</summary>
    public async Task StopAsync()
    {
        if (_process is { } process)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            process.Dispose();
            _process = null;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
