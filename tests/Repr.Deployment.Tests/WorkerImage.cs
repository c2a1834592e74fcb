using System.Globalization;
using Repr.Testing.Servers;

namespace Repr.Deployment.Tests;

/// <summary>The worker's image as eng/container/build.sh makes it, on a minimal base image of this machine's distribution, from a registry of the test's own.</summary>
public sealed class WorkerImage : IAsyncLifetime
{
    /// <summary>Its directory.</summary>
    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("repr-image-").FullName;

    /// <summary>The file.</summary>
    public string File => Path.Combine(Directory, "worker.tar");

    /// <summary>The same unpacked: an OCI bundle.</summary>
    public string Bundle => Path.Combine(Directory, "bundle");

    public async ValueTask InitializeAsync()
    {
        int port = FreePort.Take();
        string settings = Path.Combine(Directory, "registry.yml");
        System.IO.Directory.CreateDirectory(Path.Combine(Directory, "registry"));
        await System.IO.File.WriteAllTextAsync(settings, $"""
            version: 0.1
            storage:
              filesystem:
                rootdirectory: {Directory}/registry
            http:
              addr: 127.0.0.1:{port}
            """);
        string registry = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
        await using ServerProcess server = await ServerProcess.StartAsync("docker-registry", ["serve", settings], port, readyText: null, CancellationToken.None);
        string layout = Path.Combine(Directory, "base");
        await Product.RunAsync(Path.Combine(AppContext.BaseDirectory, "base-image.sh"), [layout, "1"]);
        await Product.RunAsync("skopeo", ["copy", "--insecure-policy", "--dest-tls-verify=false", $"oci:{layout}:1", $"docker://{registry}/base:1"]);
        await Product.RunAsync(
            Path.Combine(Repository.Root, "eng/container/build.sh"),
            [File, $"-p:ContainerBaseImage={registry}/base:1"],
            new Dictionary<string, string> { ["DOTNET_CONTAINER_INSECURE_REGISTRIES"] = registry });
        string unpacked = Path.Combine(Directory, "worker");
        await Product.RunAsync("skopeo", ["copy", "--insecure-policy", $"oci-archive:{File}", $"oci:{unpacked}:1"]);
        await Product.RunAsync("umoci", ["unpack", "--image", $"{unpacked}:1", Bundle]);
    }

    public ValueTask DisposeAsync()
    {
        System.IO.Directory.Delete(Directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}
