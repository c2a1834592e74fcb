using System.Diagnostics;
using Repr.Driver.Tests;

namespace Repr.Windows.Tests;

/// <summary>The worker as a service: Wine has a service control manager that starts, stops and deletes.</summary>
public sealed class ServiceTests
{
    private const string Repr = @"C:\repr\repr.exe";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_is_installed_started_stopped_and_taken_away()
    {
        await using WinePrefix wine = await WinePrefix.CreateAsync(standIns: true);
        // Wine's machine runs as long as a program does: one that does nothing keeps it up.
        using Process up = wine.Start(Path.Combine(WindowsBuild.StandIns, "task.exe"), ["wait", "up"]);

        Ended installed = await wine.RunAsync(
            Repr, ["serve", "--install", "--listen", "http://127.0.0.1:0", "--slots", "1", "--port-file", @"C:\port", "--slot-users"]);
        Ended again = await wine.RunAsync(Repr, ["serve", "--install", "--slot-users"]);
        string registry = (await wine.RunAsync("reg", ["query", @"HKLM\System\CurrentControlSet\Services\Repr", "/v", "ImagePath"])).Text;
        Ended taken = await wine.RunAsync(Repr, ["serve", "--uninstall"]);

        // Wine has no local users: what is started here is the same service without slots' own.
        (await wine.RunAsync(
            "sc",
            [
                "create", "Repr", "binPath=",
                @"C:\repr\repr.exe serve --listen http://127.0.0.1:0 --slots 1 --port-file C:\port --data C:\ProgramData\Repr",
            ])).WithSuccess();
        await StartAsync(wine);

        await using (WindowsRequester requester = await WindowsRequester.ConnectAsync(await File.ReadAllTextAsync(wine.Local(@"C:\port"), Cancellation)))
        {
            Assert.Equal(("win-x64", "projfs", 1u), (requester.Welcome.Platform, requester.Welcome.Workspace, requester.Welcome.Slots));
        }

        Ended uninstalled = await wine.RunAsync(Repr, ["serve", "--uninstall"]);
        Ended gone = await wine.RunAsync(Repr, ["serve", "--uninstall"]);

        Assert.Contains("The service 'Repr' is installed. Start it: sc start Repr", installed.WithSuccess().Text, StringComparison.Ordinal);
        Assert.Contains("The service 'Repr' is there already", again.Text, StringComparison.Ordinal);
        Assert.Contains(
            """
            "C:\repr\repr.exe" "serve" "--listen" "http://127.0.0.1:0" "--slots" "1" "--port-file" "C:\port" "--slot-users" "--data" "C:\ProgramData\Repr"
            """,
            registry,
            StringComparison.Ordinal);
        Assert.Contains("The service 'Repr' is gone; its data is left.", taken.WithSuccess().Text, StringComparison.Ordinal);
        Assert.Contains("The service 'Repr' is gone; its data is left.", uninstalled.Text, StringComparison.Ordinal);
        Assert.Contains("There is no service 'Repr'.", gone.Text, StringComparison.Ordinal);
        Assert.Equal((2, 2), (again.ExitCode, gone.ExitCode));
        await wine.AssertGoneAsync(@"repr.exe");
        Assert.True(Directory.Exists(wine.Local(@"C:\ProgramData\Repr\cas")));
        up.Kill(entireProcessTree: true);
    }

    // Now and then a .NET program ends in Wine before it has begun; a real machine starts a service that failed again by itself.
    private static async Task StartAsync(WinePrefix wine)
    {
        const int Attempts = 3;
        for (int attempt = 1; attempt <= Attempts; attempt++)
        {
            (await wine.RunAsync("net", ["start", "Repr"])).WithSuccess();
            for (int waited = 0; waited < 300; waited++)
            {
                if (File.Exists(wine.Local(@"C:\port")))
                {
                    return;
                }

                await Task.Delay(100, Cancellation);
            }
        }

        Assert.Fail($"The service was started {Attempts} times and never listened.");
    }

    [Fact]
    public async Task Settings_that_cannot_be_used_are_not_installed()
    {
        await using WinePrefix wine = await WinePrefix.CreateAsync(standIns: true);

        Ended exposed = await wine.RunAsync(Repr, ["serve", "--install", "--listen", "http://0.0.0.0:7070"]);
        Ended inWindows = await wine.RunAsync(Repr, ["serve", "--install", "--data", @"C:\windows\repr"]);
        Ended asSystem = await wine.RunAsync(Repr, ["serve", "--install"]);

        Assert.Contains("repr serve: --listen: 0.0.0.0 can be reached by others", exposed.Text, StringComparison.Ordinal);
        Assert.Contains(@"repr serve: --data: 'C:\windows\repr' is in the directory of Windows", inWindows.Text, StringComparison.Ordinal);
        Assert.Contains(
            "repr serve: --install: give --slot-users too; without them tools would run as SYSTEM.", asSystem.Text, StringComparison.Ordinal);
        Assert.Equal((2, 2, 2), (exposed.ExitCode, inWindows.ExitCode, asSystem.ExitCode));
    }

    [Fact]
    public async Task On_Linux_it_says_what_to_use_there()
    {
        string repr = Path.Combine(Repository.Product, "repr.dll");

        Ended ended = await ExternalProgram.RunAsync("dotnet", [repr, "serve", "--install"]);

        Assert.Equal(2, ended.ExitCode);
        Assert.Contains("On Linux, install the unit eng/systemd/repr-worker.service with systemctl", ended.Text, StringComparison.Ordinal);
    }
}
