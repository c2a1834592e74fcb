namespace Repr.Discovery.Tests;

/// <summary>The plugin "kubernetes", with Kubernetes' own client, and an API server of the test's own.</summary>
public sealed class KubernetesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-kubernetes-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Ready_pods_of_all_slices_are_workers_and_changes_are_watched()
    {
        await using KubernetesApi api = await KubernetesApi.StartAsync();
        api.Put("workers-1", "IPv4", 7070, "10.0.0.1", "!10.0.0.2");
        api.Put("workers-2", "IPv6", 7070, "fd00::1");
        api.Put("workers-3", "FQDN", 7070, "a.example.com");
        await using LoadedDiscovery discovery = Load(api);
        Assert.Equal(["http://10.0.0.1:7070", "http://[fd00::1]:7070"], await discovery.NextAsync());

        api.Put("workers-1", "IPv4", 7070, "10.0.0.1", "10.0.0.2");
        Assert.Equal(["http://10.0.0.1:7070", "http://10.0.0.2:7070", "http://[fd00::1]:7070"], await discovery.NextAsync());

        api.Delete("workers-2");
        Assert.Equal(["http://10.0.0.1:7070", "http://10.0.0.2:7070"], await discovery.NextAsync());
        api.Put("workers-4", "IPv4", 7171, "10.0.0.4");
        Assert.Equal(["http://10.0.0.1:7070", "http://10.0.0.2:7070", "http://10.0.0.4:7171"], await discovery.NextAsync());
        Assert.Equal(["list", "watch 103"], api.Requests); // all of it by one watch
    }

    [Fact]
    public async Task After_the_end_of_a_watch_nothing_is_missed()
    {
        await using KubernetesApi api = await KubernetesApi.StartAsync();
        api.Put("workers-1", "IPv4", 7070, "10.0.0.1");
        await using LoadedDiscovery discovery = Load(api);
        await discovery.NextAsync();

        Task<IEnumerable<string>> next = discovery.NextAsync();
        api.CloseWatches();
        api.Put("workers-1", "IPv4", 7070, "10.0.0.2");
        Assert.Equal(["http://10.0.0.2:7070"], await next);

        // A version that is too old for a watch: the list is asked for again.
        next = discovery.NextAsync();
        api.Forget();
        while (api.Refused == 0)
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        api.Put("workers-1", "IPv4", 7070, "10.0.0.4");
        Assert.Equal(["http://10.0.0.4:7070"], await next);
    }

    [Fact]
    public async Task A_server_that_is_away_is_a_failure_and_not_an_empty_set()
    {
        await using KubernetesApi api = await KubernetesApi.StartAsync();
        api.Put("workers-1", "IPv4", 7070, "10.0.0.1");
        await using LoadedDiscovery discovery = Load(api);
        await discovery.NextAsync();

        api.IsAway = true;
        Task<IEnumerable<string>> next = discovery.NextAsync();
        api.CloseWatches();
        await Assert.ThrowsAnyAsync<Exception>(() => next);

        api.IsAway = false;
        Assert.Equal(["http://10.0.0.1:7070"], await discovery.NextAsync());
    }

    [Fact]
    public void A_kubeconfig_that_is_missing_is_a_wrong_setting()
    {
        string path = Path.Combine(_directory, "none");

        Assert.Contains(
            path,
            Assert.Throws<ArgumentException>(() => LoadedDiscovery.Load("kubernetes", new { Service = "workers", KubeConfig = path })).Message,
            StringComparison.Ordinal);
    }

    private LoadedDiscovery Load(KubernetesApi api) => LoadedDiscovery.Load(
        "kubernetes", new { Service = "workers", Port = "repr", KubeConfig = api.WriteConfig(Path.Combine(_directory, "kubeconfig")) });
}
