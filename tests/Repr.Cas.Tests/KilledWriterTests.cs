using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;

namespace Repr.Cas.Tests;

public sealed class KilledWriterTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_process_killed_while_it_writes_leaves_only_whole_blobs_and_no_lock()
    {
        string directory = Directory.CreateTempSubdirectory("repr-killed-").FullName;
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(typeof(KilledWriterTests).Assembly.Location);
        }

        start.Environment[WriterProcess.DirectoryVariable] = directory;
        using Process writer = Process.Start(start)!;
        try
        {
            for (int i = 0; i < 50; i++)
            {
                Assert.NotNull(await writer.StandardOutput.ReadLineAsync(Cancellation));
            }
        }
        finally
        {
            writer.Kill(); // SIGKILL
            await writer.WaitForExitAsync(CancellationToken.None);
        }

        await using (DiskContentStore store = await DiskContentStore.OpenAsync(
            new DiskContentStoreOptions { Path = directory }, TimeProvider.System, NullLogger.Instance, Cancellation))
        {
            Digest[] blobs =
            [
                .. Directory.GetFiles(directory, "*", SearchOption.AllDirectories)
                    .Select(file => Digest.TryParse(Path.GetFileName(file), new FileInfo(file).Length, out Digest digest) ? digest : default)
                    .Where(digest => !digest.IsDefault),
            ];
            Assert.True(blobs.Length >= 50);
            Assert.All(blobs, digest =>
            {
                using SafeFileHandle? file = store.TryOpenFile(digest);
                Assert.NotNull(file);
            });
        }

        Directory.Delete(directory, recursive: true);
    }
}
