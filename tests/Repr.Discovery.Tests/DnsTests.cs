namespace Repr.Discovery.Tests;

/// <summary>The plugin "dns" and a real name server.</summary>
public sealed class DnsTests
{
    [Fact]
    public async Task Addresses_of_both_kinds_are_found_and_asked_for_again_when_their_time_is_over()
    {
        await using NameServer server = new();
        await server.StartAsync("host-record=workers.test,10.0.0.1,fd00::1", "host-record=workers.test,10.0.0.2");
        await using LoadedDiscovery discovery = LoadedDiscovery.Load(
            "dns", new { Name = "workers.test", Port = 7171, Servers = new[] { server.Address }, MinimumSeconds = 1 });
        Assert.Equal(["http://10.0.0.1:7171", "http://10.0.0.2:7171", "http://[fd00::1]:7171"], await discovery.NextAsync());

        await server.StartAsync("host-record=workers.test,10.0.0.2");
        await ExpectAsync(discovery, "http://10.0.0.2:7171");

        // A name that is not there has no workers.
        await server.StartAsync();
        await ExpectAsync(discovery);
    }

    [Fact]
    public async Task Services_are_those_of_the_lowest_priority_with_their_own_ports()
    {
        await using NameServer server = new();
        await server.StartAsync(
            "srv-host=_repr._tcp.test,a.test,7001,1,50",
            "srv-host=_repr._tcp.test,b.test,7002,1,10",
            "srv-host=_repr._tcp.test,c.test,7003,2",
            "host-record=a.test,10.0.0.1",
            "host-record=b.test,10.0.0.2",
            "host-record=c.test,10.0.0.3");
        await using LoadedDiscovery plain = LoadedDiscovery.Load(
            "dns", new { Name = "_repr._tcp.test", Records = "Services", Servers = new[] { server.Address } });
        await using LoadedDiscovery secure = LoadedDiscovery.Load(
            "dns", new { Name = "_repr._tcp.test", Records = "Services", Scheme = "https", Servers = new[] { server.Address } });

        Assert.Equal(["http://10.0.0.1:7001", "http://10.0.0.2:7002"], await plain.NextAsync());
        Assert.Equal(["https://a.test:7001", "https://b.test:7002"], await secure.NextAsync());
    }

    [Fact]
    public async Task A_name_server_that_is_away_is_a_failure_and_not_an_empty_set()
    {
        await using NameServer server = new();
        await server.StartAsync("host-record=workers.test,10.0.0.1");
        await using LoadedDiscovery discovery = LoadedDiscovery.Load("dns", new { Name = "workers.test", Servers = new[] { server.Address }, MinimumSeconds = 1 });
        Assert.Equal(["http://10.0.0.1:7070"], await discovery.NextAsync());

        await server.StopAsync();
        await Assert.ThrowsAnyAsync<IOException>(discovery.NextAsync);

        await server.StartAsync("host-record=workers.test,10.0.0.5");
        await ExpectAsync(discovery, "http://10.0.0.5:7070");
    }

    [Fact]
    public void Wrong_settings_are_told_by_their_names()
    {
        string message = Assert.Throws<ArgumentException>(
            () => LoadedDiscovery.Load("dns", new { Scheme = "https", Servers = new[] { "dns.example.com" }, MaximumSeconds = 1 })).Message;

        Assert.Contains("Options:Name", message, StringComparison.Ordinal);

        message = Assert.Throws<ArgumentException>(
            () => LoadedDiscovery.Load("dns", new { Name = "a", Scheme = "https", Servers = new[] { "dns.example.com" }, MaximumSeconds = 1 })).Message;
        Assert.Contains("Options:Scheme", message, StringComparison.Ordinal);
        Assert.Contains("dns.example.com", message, StringComparison.Ordinal);
        Assert.Contains("Options:MaximumSeconds", message, StringComparison.Ordinal);
    }

    // While the server is started anew, nobody answers.
    private static async Task ExpectAsync(LoadedDiscovery discovery, params string[] addresses)
    {
        while (true)
        {
            try
            {
                await discovery.ExpectAsync(addresses);
                return;
            }
            catch (IOException)
            {
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }
        }
    }
}
