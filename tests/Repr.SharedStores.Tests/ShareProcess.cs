using System.Runtime.CompilerServices;

namespace Repr.SharedStores.Tests;

/// <summary>This program once more, as one that puts and reads blobs of a shared directory and says how many.</summary>
internal static class ShareProcess
{
    public const string DirectoryVariable = "REPR_TEST_SHARE";

    // Before the test runner's own Main: with the variable set, this process is no test run. Blocking is right here: until the
    // initializer is done, no other thread may run code of this module.
    [ModuleInitializer]
    internal static void Start()
    {
        if (Environment.GetEnvironmentVariable(DirectoryVariable) is { Length: > 0 } directory)
        {
            // The load of a plugin runs no code of this module on other threads.
            LoadedStore loaded = LoadedStore.Load("directory", new Dictionary<string, object> { ["Path"] = directory });
            int count = 0;
            for (int seed = 0; seed < 20; seed++)
            {
                byte[] content = new byte[10_000];
                new Random(seed).NextBytes(content);
                Digest digest = Digest.Compute(content);
                loaded.Store.PutAsync(digest, new MemoryStream(content), CancellationToken.None).AsTask().GetAwaiter().GetResult();
                using Stream stream = loaded.Store.OpenAsync(digest, CancellationToken.None).AsTask().GetAwaiter().GetResult()!;
                byte[] read = new byte[content.Length];
                stream.ReadExactlyAsync(read, CancellationToken.None).AsTask().GetAwaiter().GetResult();
                count += read.AsSpan().SequenceEqual(content) ? 1 : 0;
            }

            Console.WriteLine($"stored and read {count} blobs");
            Environment.Exit(0);
        }
    }
}
