using System.Diagnostics;

namespace Repr.Testing.SharedStores;

/// <summary>The content store of BuildStream 1 (a package of Debian), a server of the Remote Execution API that others wrote.</summary>
public sealed class BuildStreamTestStore() : ProcessTestStore("buildstream")
{
    private const string Script = """
        import sys, signal
        from buildstream._artifactcache.casserver import create_server
        server = create_server(sys.argv[1], enable_push=True)
        port = server.add_insecure_port('127.0.0.1:' + sys.argv[2])
        server.start()
        print(port, flush=True)
        while True: signal.pause()
        """;

    private string _port = "0";

    /// <inheritdoc/>
    public override string Plugin => "reapi";

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, object> Options => new Dictionary<string, object> { ["Endpoint"] = "grpc://127.0.0.1:" + _port };

    /// <summary>Starts one.</summary>
    public static async Task<TestStore> StartAsync()
    {
        BuildStreamTestStore store = new();
        await store.RestartAsync();
        return store;
    }

    /// <inheritdoc/>
    public override async Task RestartAsync()
    {
        // The system's Python: the package is for that.
        Server = Process.Start(
            new ProcessStartInfo("/usr/bin/python3", ["-c", Script, Root, _port]) { RedirectStandardOutput = true })!;
        _port = await Server.StandardOutput.ReadLineAsync()
            ?? throw new InvalidOperationException("BuildStream's server did not start. eng/setup.sh installs it.");
    }

    // BuildStream keeps a blob as objects/12/3456..., without a length in its name that is not the file's.
    /// <inheritdoc/>
    public override IReadOnlySet<Digest> FindBlobs() => Objects().Select(static found => found.Digest).ToHashSet();

    /// <inheritdoc/>
    public override void Lose(IEnumerable<Digest> blobs)
    {
        foreach (string path in PathsOf(blobs))
        {
            File.Delete(path);
        }
    }

    /// <inheritdoc/>
    public override void Damage(IEnumerable<Digest> blobs)
    {
        foreach (string path in PathsOf(blobs))
        {
            byte[] content = File.ReadAllBytes(path);
            content[0] ^= 1;
            File.Delete(path);
            File.WriteAllBytes(path, content);
        }
    }

    private List<string> PathsOf(IEnumerable<Digest> blobs)
    {
        HashSet<Digest> wanted = [.. blobs];
        return [.. Objects().Where(found => wanted.Contains(found.Digest)).Select(static found => found.Path)];
    }

    private IEnumerable<(string Path, Digest Digest)> Objects()
    {
        foreach (string path in Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories))
        {
            string hash = Path.GetFileName(Path.GetDirectoryName(path)) + Path.GetFileName(path);
            if (Digest.TryParse(hash, new FileInfo(path).Length, out Digest digest))
            {
                yield return (path, digest);
            }
        }
    }
}
