using System.Net;
using Repr.Plugins.Testing;

namespace Repr.Discovery.Tests;

/// <summary>The plugin "file" against the contract, with a file that is replaced.</summary>
public sealed class FileContractTests : WorkerDiscoveryContract
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-contract-").FullName;

    private string Workers => Path.Combine(_directory, "workers");

    protected override async ValueTask<IWorkerDiscovery> CreateSourceAsync(IReadOnlyCollection<string> addresses, CancellationToken cancellationToken)
    {
        await ChangeAsync(addresses, cancellationToken);
        return LoadedDiscovery.Make("file", new { Path = Workers, CheckSeconds = 3600 });
    }

    protected override async ValueTask ChangeAsync(IReadOnlyCollection<string> addresses, CancellationToken cancellationToken)
    {
        await File.WriteAllLinesAsync(Workers + ".new", addresses, cancellationToken);
        File.Move(Workers + ".new", Workers, overwrite: true);
    }

    protected override ValueTask DisposeSourceAsync()
    {
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}

/// <summary>The plugin "dns" against the contract, with a real name server.</summary>
public sealed class DnsContractTests : WorkerDiscoveryContract
{
    private readonly NameServer _server = new();

    protected override async ValueTask<IWorkerDiscovery> CreateSourceAsync(IReadOnlyCollection<string> addresses, CancellationToken cancellationToken)
    {
        await ChangeAsync(addresses, cancellationToken);
        return LoadedDiscovery.Make("dns", new { Name = "workers.test", Servers = new[] { _server.Address }, MinimumSeconds = 1 });
    }

    protected override async ValueTask ChangeAsync(IReadOnlyCollection<string> addresses, CancellationToken cancellationToken) =>
        await _server.ChangeAsync(addresses.Select(static address => IPAddress.Parse(new Uri(address).Host)));

    protected override ValueTask DisposeSourceAsync() => _server.DisposeAsync();
}

/// <summary>The plugin "kubernetes" against the contract, with an API server of the test's own.</summary>
public sealed class KubernetesContractTests : WorkerDiscoveryContract
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-contract-").FullName;
    private KubernetesApi? _api;

    protected override async ValueTask<IWorkerDiscovery> CreateSourceAsync(IReadOnlyCollection<string> addresses, CancellationToken cancellationToken)
    {
        _api = await KubernetesApi.StartAsync();
        await ChangeAsync(addresses, cancellationToken);
        return LoadedDiscovery.Make(
            "kubernetes", new { Service = "workers", Port = "repr", KubeConfig = _api.WriteConfig(Path.Combine(_directory, "kubeconfig")) });
    }

    protected override ValueTask ChangeAsync(IReadOnlyCollection<string> addresses, CancellationToken cancellationToken)
    {
        _api!.Put("workers-1", "IPv4", 7070, [.. addresses.Select(static address => new Uri(address).Host)]);
        return ValueTask.CompletedTask;
    }

    protected override async ValueTask DisposeSourceAsync()
    {
        await _api!.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
