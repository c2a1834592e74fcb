using System.Diagnostics;

namespace Repr.Testing.SharedStores;

/// <summary>The content store of a worker, over the Remote Execution API. The worker is a process of its own.</summary>
public sealed class ReapiTestStore : ProcessTestStore
{
    private readonly string _compression;
    private string _address = "http://127.0.0.1:0";

    private ReapiTestStore(string compression)
        : base("reapi") => _compression = compression;

    /// <inheritdoc/>
    public override string Plugin => "reapi";

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, object> Options => new Dictionary<string, object>
    {
        ["Endpoint"] = _address.Replace("http://", "grpc://", StringComparison.Ordinal),
        ["Compression"] = _compression,
    };

    private string Data => Path.Combine(Root, "data");

    /// <summary>Starts one.</summary>
    /// <param name="compression">Whether the plugin compresses: Always, Never.</param>
    public static async Task<FileTestStore> StartAsync(string compression = "Never")
    {
        ReapiTestStore store = new(compression);
        await store.RestartAsync();
        return store;
    }

    /// <inheritdoc/>
    public override async Task RestartAsync()
    {
        string port = Path.Combine(Root, "port");
        string log = Path.Combine(Root, "log");
        File.Delete(port);
        string[] command = ["dotnet", Path.Combine(Repository.Product, "repr.dll"), "serve", "--listen", _address, "--data", Data, "--port-file", port];
        Server = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >>\"$0\" 2>&1", log, .. command]))!;
        while (!File.Exists(port))
        {
            if (Server.HasExited)
            {
                throw new InvalidOperationException("The worker did not start: " + await File.ReadAllTextAsync(log));
            }

            await Task.Delay(20);
        }

        _address = (await File.ReadAllTextAsync(port)).Trim();
    }

    /// <inheritdoc/>
    public override IReadOnlySet<Digest> FindBlobs() => BlobFiles.Find(Data);

    /// <inheritdoc/>
    public override void Lose(IEnumerable<Digest> blobs) => BlobFiles.Lose(Data, blobs);

    /// <inheritdoc/>
    public override void Damage(IEnumerable<Digest> blobs) => BlobFiles.Damage(Data, blobs);
}
