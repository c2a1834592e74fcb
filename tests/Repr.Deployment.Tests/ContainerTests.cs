using System.Globalization;
using System.Text.Json.Nodes;
using Repr.Testing.Servers;

namespace Repr.Deployment.Tests;

/// <summary>The image: what is in it, and that its worker works in containers of an OCI runtime with no more rights than the documents say.</summary>
public sealed class ContainerTests(WorkerImage image) : IClassFixture<WorkerImage>
{
    private const int OrdinaryUser = 1654;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_starts_the_worker_as_an_ordinary_user_and_is_small()
    {
        JsonNode configuration = JsonNode.Parse(await Product.RunAsync("skopeo", ["inspect", "--config", $"oci-archive:{image.File}"]))!;
        JsonNode config = configuration["config"]!;

        Assert.Equal(["/app/repr", "serve"], config["Entrypoint"]!.AsArray().Select(static word => word!.GetValue<string>()));
        Assert.Equal("1654", config["User"]!.GetValue<string>());
        Assert.Contains("XDG_DATA_HOME=/var/lib", config["Env"]!.AsArray().Select(static word => word!.GetValue<string>()));
        Assert.True(config["ExposedPorts"]!.AsObject().ContainsKey("7070/tcp"));
        Assert.Equal("Repr worker", config["Labels"]!["org.opencontainers.image.title"]!.GetValue<string>());
        Assert.Equal(2, configuration["rootfs"]!["diff_ids"]!.AsArray().Count); // the base's, and one of ours
        Assert.InRange(new FileInfo(image.File).Length, 1 << 20, 150 << 20);
    }

    [Fact]
    public void It_has_the_launcher_and_all_plugins()
    {
        string app = Path.Combine(image.Bundle, "rootfs/app");
        foreach (string program in new[] { "repr", "repr-host", "repr-launch" })
        {
            Assert.True(File.GetUnixFileMode(Path.Combine(app, program)).HasFlag(UnixFileMode.OtherExecute), program);
        }

        Assert.Equal(
            Directory.GetFiles(Path.Combine(Repository.Root, "plugins"), "*.csproj", SearchOption.AllDirectories).Select(static file => Path.GetFileName(Path.GetDirectoryName(file))).Order(),
            Directory.GetDirectories(Path.Combine(app, "plugins")).Select(Path.GetFileName).Order());
    }

    /// <summary>As chart and documents have it: an ordinary user has no capability at all, root has those of a privileged pod.</summary>
    [Theory]
    [InlineData(OrdinaryUser)]
    [InlineData(0)]
    public async Task Its_worker_runs_a_remote_action(int user)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "runc makes containers for root here.");
        int port = FreePort.Take();
        await using Container container = new(image, user, hasMaskedProc: false);
        await using ServerProcess worker = await container.StartAsync($"http://127.0.0.1:{port}", "Repr worker listens on");
        string directory = Directory.CreateDirectory(Path.Combine(image.Directory, $"work{user}")).FullName;
        await File.WriteAllTextAsync(Path.Combine(directory, "input"), "of this machine\n", Cancellation);
        Dictionary<string, string> environment = new()
        {
            ["REPR_ENDPOINT"] = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"),
            ["REPR_RUNTIME_DIR"] = Path.Combine(image.Directory, $"run{user}"),
            ["REPR_CACHE_DIR"] = Path.Combine(image.Directory, $"cache{user}"),
        };
        try
        {
            string output = await Product.RunAsync(Product.Repr, ["exec", "--fail", "--no-stdin", "sh", "-c", "cat input; uname -n; cp input output"], environment, directory);

            Assert.Equal("of this machine\nrepr\n", output);
            Assert.Equal("of this machine\n", await File.ReadAllTextAsync(Path.Combine(directory, "output"), Cancellation));
            Assert.Contains(": ToolExit { Kind = Code, Value = 0 }", worker.Output, StringComparison.Ordinal);
        }
        finally
        {
            await Product.RunAsync(Product.Repr, ["shutdown"], environment, directory);
        }
    }

    [Fact]
    public async Task It_says_what_is_missing_where_the_runtime_covers_parts_of_proc()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "runc makes containers for root here.");
        await using Container container = new(image, OrdinaryUser, hasMaskedProc: true);

        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => container.StartAsync("http://127.0.0.1:0", "Repr worker listens on"));

        Assert.Contains("repr serve: --workspace: 'fuse' cannot be used here.", failure.Message, StringComparison.Ordinal);
    }
}
