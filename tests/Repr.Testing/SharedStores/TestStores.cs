using Xunit;

namespace Repr.Testing.SharedStores;

/// <summary>All kinds of shared stores, for tests that must hold for each. A new plugin adds its line.</summary>
public static class TestStores
{
    private static readonly Dictionary<string, Func<Task<FileTestStore>>> OfFiles = new(StringComparer.Ordinal)
    {
        ["directory"] = static () => Task.FromResult<FileTestStore>(new DirectoryTestStore()),
        ["reapi"] = static () => ReapiTestStore.StartAsync(),
    };

    /// <summary>The names of those whose blobs lie in files of this machine.</summary>
    public static TheoryData<string> FileNames => [.. OfFiles.Keys];

    /// <summary>The names of all.</summary>
    public static TheoryData<string> Names => [.. OfFiles.Keys, .. StoreServers.Names];

    /// <summary>Starts one of those whose blobs lie in files.</summary>
    public static Task<FileTestStore> StartAsync(string name) => OfFiles[name]();

    /// <summary>Starts any of them.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="servers">The servers of those that have one which takes long to start.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<TestStore> StartAsync(string name, StoreServers servers, CancellationToken cancellationToken) =>
        OfFiles.TryGetValue(name, out Func<Task<FileTestStore>>? start) ? await start() : await servers.NewStoreAsync(name, cancellationToken);
}
