using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;

namespace Repr.Cas.Tests;

/// <summary>This program once more, as one that puts blobs until it is killed, telling each on a line.</summary>
internal static class WriterProcess
{
    public const string DirectoryVariable = "REPR_TEST_WRITER";

    // Before the test runner's own Main: with the variable set, this process is no test run. Blocking is right here: until the
    // initializer is done, no other thread may run code of this module.
    [ModuleInitializer]
    internal static void Start()
    {
        if (Environment.GetEnvironmentVariable(DirectoryVariable) is not { Length: > 0 } directory)
        {
            return;
        }

        DiskContentStore store = DiskContentStore.OpenAsync(
            new DiskContentStoreOptions { Path = directory }, TimeProvider.System, NullLogger.Instance, CancellationToken.None)
            .GetAwaiter().GetResult();
        for (int seed = 0; ; seed++)
        {
            byte[] content = new byte[200_000];
            new Random(seed).NextBytes(content);
            Digest digest = Digest.Compute(content);
            store.PutAsync(digest, new MemoryStream(content), CancellationToken.None).AsTask().GetAwaiter().GetResult();
            Console.WriteLine(digest);
        }
    }
}
