using System.Globalization;
using k8s.Models;
using Repr.Testing;
using Repr.Testing.Servers;

namespace Repr.Deployment.Tests;

/// <summary>
/// What the chart makes of a worker, as a process of this machine: files of its ConfigMap and Secrets are in a directory instead of at their places, its
/// ports are free ones, its Redis is the test's.
/// </summary>
internal sealed class LocalPod : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-pod-").FullName;
    private readonly Dictionary<int, int> _ports;
    private readonly V1ConfigMap _settings;
    private readonly StoreServer _redis;

    public LocalPod(V1Container container, V1ConfigMap settings, StoreServer redis)
    {
        Container = container;
        _settings = settings;
        _redis = redis;
        _ports = container.Ports.ToDictionary(static port => port.ContainerPort, static _ => FreePort.Take());
    }

    /// <summary>What the chart made.</summary>
    public V1Container Container { get; }

    /// <summary>The port of this machine that is one of the container's.</summary>
    public int PortOf(int port) => _ports[port];

    /// <summary>Starts it, and waits until it listens.</summary>
    public async Task<ServerProcess> StartAsync(CancellationToken cancellationToken)
    {
        using TestAuthority authority = new(Directory.CreateDirectory(Path.Combine(_directory, "authority")).FullName);
        (string certificate, string key) = authority.IssueServer("worker");
        Put("etc/repr/tls/tls.crt", await File.ReadAllTextAsync(certificate, cancellationToken));
        Put("etc/repr/tls/tls.key", await File.ReadAllTextAsync(key, cancellationToken));
        Put("etc/repr/ca/ca.crt", await File.ReadAllTextAsync(authority.CaFile, cancellationToken));
        Put("etc/repr/auth/tokens", "alice execute 0123456789abcdef0123\n");
        Put("etc/repr/settings/worker.json", Local(_settings.Data["worker.json"]));
        Dictionary<string, string> environment = new() { ["POD_IP"] = "127.0.0.1", ["POD_NAME"] = "builds-repr-0" };
        foreach (V1EnvVar variable in Container.Env)
        {
            string? value = variable.ValueFrom switch
            {
                null => variable.Value,
                { SecretKeyRef.Key: "password" } => StoreServer.RedisPassword,
                { SecretKeyRef.Key: var name } => "a-secret-of-" + name,
                _ => null, // of the pod, see above
            };
            environment[variable.Name] = value is null ? environment[variable.Name] : Expand(value, environment);
        }

        IEnumerable<string> arguments = Container.Args.Select(argument => Expand(Local(argument), environment));
        return await ServerProcess.StartAsync(
            "env",
            [.. environment.Select(static variable => $"{variable.Key}={variable.Value}"), Product.Repr, "serve", "--data", Path.Combine(_directory, "data"), .. arguments],
            PortOf(7070),
            "Repr worker listens on",
            cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_directory, recursive: true);

    // $(NAME), as Kubernetes has it.
    private static string Expand(string text, Dictionary<string, string> environment) =>
        environment.Aggregate(text, static (changed, variable) => changed.Replace($"$({variable.Key})", variable.Value, StringComparison.Ordinal));

    private string Local(string text)
    {
        string password = Container.Env.Any(static variable => variable.Name == "REPR__Farm__Password") ? "" : $":{StoreServer.RedisPassword}@";
        string store = string.Create(CultureInfo.InvariantCulture, $"redis://{password}127.0.0.1:{_redis.Port}");
        return _ports
            .Aggregate(text, static (changed, port) => changed.Replace(":" + port.Key.ToString(CultureInfo.InvariantCulture), $":{port.Value}", StringComparison.Ordinal))
            .Replace("rediss://redis.builds.svc:6379", store, StringComparison.Ordinal)
            .Replace("redis://redis:6379", store, StringComparison.Ordinal)
            .Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal)
            .Replace("/etc/repr/", Path.Combine(_directory, "etc/repr") + "/", StringComparison.Ordinal);
    }

    private void Put(string name, string text)
    {
        string path = Path.Combine(_directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
