using System.Diagnostics;
using Repr.Testing.SharedStores;

namespace Repr.SharedStores.Tests;

/// <summary>What is special about directories that many machines share.</summary>
public sealed class DirectoryStoreTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_share_that_is_not_mounted_is_said_to_be_missing_and_not_made()
    {
        string path = Path.Combine(Path.GetTempPath(), "repr-" + Guid.NewGuid().ToString("N"));
        await using LoadedStore loaded = LoadedStore.Load("directory", new Dictionary<string, object> { ["Path"] = path });

        ReprException failure = await Assert.ThrowsAsync<ReprException>(
            () => loaded.Store.PutAsync(Digest.Compute([1]), new MemoryStream([1]), Cancellation).AsTask());

        Assert.Equal(ReprErrorCode.Unavailable, failure.Code);
        Assert.Contains($"'{path}' is not there: mount the share", failure.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(path));
    }

    [Theory]
    [InlineData("Path", "share", "Path: 'share' is not absolute.")]
    [InlineData("ParallelCalls", 0, "ParallelCalls: ")]
    [InlineData("Folder", "/x", "Folder: there is no such setting")]
    public void Wrong_options_are_named(string name, object value, string message)
    {
        Dictionary<string, object> options = new() { ["Path"] = "/x", [name] = value };

        Assert.Contains(message, Assert.Throws<ArgumentException>(() => LoadedStore.Load("directory", options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_dead_writers_left_is_removed_when_it_is_old()
    {
        await using DirectoryTestStore share = new();
        string incoming = Directory.CreateDirectory(Path.Combine(share.Share, "incoming")).FullName;
        string old = Path.Combine(incoming, "old.tmp");
        string recent = Path.Combine(incoming, "recent.tmp");
        await File.WriteAllTextAsync(old, "left", Cancellation);
        await File.WriteAllTextAsync(recent, "being written", Cancellation);
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddHours(-25));
        File.SetLastWriteTimeUtc(recent, DateTime.UtcNow.AddHours(-23));
        await using LoadedStore loaded = LoadedStore.Load(share);

        await loaded.Store.PutAsync(Digest.Compute([1]), new MemoryStream([1]), Cancellation);

        Assert.Equal([recent], Directory.GetFiles(incoming));
    }

    [Fact]
    public async Task A_blob_that_is_found_gets_a_new_time_when_its_last_is_old()
    {
        await using DirectoryTestStore share = new();
        await using LoadedStore loaded = LoadedStore.Load(share);
        Digest used = await PutAsync(loaded, [1]);
        Digest unused = await PutAsync(loaded, [2]);
        foreach (string path in Directory.GetFiles(Path.Combine(share.Share, "blobs"), "*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddDays(-20));
        }

        Assert.Empty(await loaded.Store.FindMissingAsync([used], Cancellation));

        Assert.True(TimeOf(used) > DateTime.UtcNow.AddDays(-1));
        Assert.True(TimeOf(unused) < DateTime.UtcNow.AddDays(-19));

        DateTime TimeOf(Digest digest) => File.GetLastWriteTimeUtc(Path.Combine(share.Share, "blobs", digest.HashText[..2], digest.HashText));
    }

    [Fact]
    public async Task A_file_of_another_length_is_no_blob_and_replaced()
    {
        await using DirectoryTestStore share = new();
        await using LoadedStore loaded = LoadedStore.Load(share);
        Digest digest = await PutAsync(loaded, [1, 2, 3]);
        await File.WriteAllBytesAsync(Path.Combine(share.Share, "blobs", digest.HashText[..2], digest.HashText), [1, 2], Cancellation);

        Assert.Equal([digest], await loaded.Store.FindMissingAsync([digest], Cancellation));
        Assert.Null(await loaded.Store.OpenAsync(digest, Cancellation));

        await PutAsync(loaded, [1, 2, 3]);
        Assert.Empty(await loaded.Store.FindMissingAsync([digest], Cancellation));
    }

    [Fact]
    public async Task Stale_handles_interrupted_calls_and_lost_answers_of_a_file_server_are_survived()
    {
        // Every open of a file fails once with ESTALE, and every rename is done and then said to have failed.
        await using DirectoryTestStore share = new();
        string shim = Path.Combine(Path.GetDirectoryName(share.Share)!, "flaky.so");
        await RunAsync("cc", ["-shared", "-fPIC", "-O1", "-x", "c", "-o", shim, Path.Combine(AppContext.BaseDirectory, "flaky-share.c"), "-ldl"], []);

        string said = await RunAsync(
            Environment.ProcessPath!,
            [],
            new() { ["LD_PRELOAD"] = shim, ["REPR_TEST_FLAKY"] = share.Share, [ShareProcess.DirectoryVariable] = share.Share });

        Assert.Equal("stored and read 20 blobs", said.Trim());
        Assert.Equal(20, share.FindBlobs().Count);
        Assert.Empty(Directory.GetFiles(Path.Combine(share.Share, "incoming")));
        Assert.Equal(20, Directory.GetFiles(Path.GetDirectoryName(share.Share)!, "renamed.*").Length); // the shim was at work
    }

    private static async Task<Digest> PutAsync(LoadedStore loaded, byte[] content)
    {
        Digest digest = Digest.Compute(content);
        await loaded.Store.PutAsync(digest, new MemoryStream(content), Cancellation);
        return digest;
    }

    private static async Task<string> RunAsync(string program, IEnumerable<string> arguments, Dictionary<string, string> environment)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        Assert.True(process.ExitCode == 0, output);
        return output;
    }
}
