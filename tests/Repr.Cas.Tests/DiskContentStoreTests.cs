using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Plugins.Testing;
using Repr.Testing;

namespace Repr.Cas.Tests;

/// <summary>What the disk store promises beyond the contracts: files, order, leases and space.</summary>
public sealed class DiskContentStoreTests : LocalContentStoreContract
{
    private const int Blob = 100_000;
    private string Root => Path.Combine(Scratch, "store");

    private DiskContentStore Disk => (DiskContentStore)Store;

    protected override async ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken) =>
        await OpenAsync(Root, 8 << 20);

    protected override async ValueTask DisposeStoreAsync()
    {
        await Disk.DisposeAsync();
        await base.DisposeStoreAsync();
    }

    private static Task<DiskContentStore> OpenAsync(string path, long maximumBytes, bool durable = false) =>
        DiskContentStore.OpenAsync(
            new DiskContentStoreOptions { Path = path, MaximumBytes = maximumBytes, Durable = durable },
            TimeProvider.System,
            NullLogger.Instance,
            Cancellation);

    private static string PathOf(string root, Digest digest) => Path.Combine(root, digest.HashText[..2], digest.HashText);

    private static async Task<Digest> PutAsync(DiskContentStore store, byte[] content)
    {
        Digest digest = Digest.Compute(content);
        await store.PutAsync(digest, new MemoryStream(content), Cancellation);
        return digest;
    }

    private static string[] FilesOf(string root) =>
        [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Where(path => Path.GetFileName(path).Length == 64)];

    [Fact]
    public async Task Blobs_are_read_only_files_that_only_this_user_can_reach()
    {
        Digest digest = await PutAsync(NewContent(10));

        Assert.Equal((UnixFileMode)0b100_100_100, File.GetUnixFileMode(PathOf(Root, digest)));
        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(Root));
    }

    [Fact]
    public async Task A_refused_or_broken_put_leaves_no_file_and_takes_no_space()
    {
        byte[] content = NewContent(Blob);
        Digest digest = Digest.Compute(content);

        await Assert.ThrowsAsync<ReprException>(
            () => Store.PutAsync(digest, new MemoryStream(NewContent(Blob)), Cancellation).AsTask());
        await Assert.ThrowsAsync<IOException>(
            () => Store.PutAsync(digest, new TricklingStream(content, 5000) { FailsAt = 50_000 }, Cancellation).AsTask());

        Assert.Empty(Directory.EnumerateFiles(Root, "*~*", SearchOption.AllDirectories));
        Assert.Empty(FilesOf(Root));
        Assert.Equal(0, Disk.UsedBytes);
    }

    [Fact]
    public async Task A_half_written_blob_has_no_name_yet()
    {
        byte[] content = NewContent(Blob);
        Digest digest = Digest.Compute(content);
        bool wasThere = true;
        TricklingStream stream = new(content, 10_000) { At = Blob, Then = () => wasThere = File.Exists(PathOf(Root, digest)) };

        await Store.PutAsync(digest, stream, Cancellation);

        Assert.False(wasThere);
        Assert.True(File.Exists(PathOf(Root, digest)));
    }

    [Fact]
    public async Task The_least_recently_used_blob_goes_first_and_the_bound_holds()
    {
        await using DiskContentStore store = await OpenAsync(Path.Combine(Scratch, "small"), 3 * 4096);
        Digest first = await PutAsync(store, NewContent(100));
        Digest second = await PutAsync(store, NewContent(4096));
        Digest third = await PutAsync(store, NewContent(4000));
        store.TryOpenFile(first)!.Dispose();

        Digest fourth = await PutAsync(store, NewContent(4096));

        Assert.Equal([second], await store.FindMissingAsync([first, second, third, fourth], Cancellation));
        Assert.Equal(3 * 4096, store.UsedBytes);
        Assert.Equal(3, FilesOf(Path.Combine(Scratch, "small")).Length);
    }

    [Fact]
    public async Task When_all_space_is_leased_a_put_is_refused_and_nothing_goes()
    {
        await using DiskContentStore store = await OpenAsync(Path.Combine(Scratch, "small"), 3 * 4096);
        Digest free = await PutAsync(store, NewContent(100));
        using IContentLease lease = store.Lease();
        Digest[] leased = [await PutAsync(store, NewContent(100)), await PutAsync(store, NewContent(100))];
        Array.ForEach(leased, lease.Add);
        byte[] large = NewContent(2 * 4096);
        Digest digest = Digest.Compute(large);

        ReprException failure = await Assert.ThrowsAsync<ReprException>(
            () => store.PutAsync(digest, new MemoryStream(large), Cancellation).AsTask());

        Assert.Equal(ReprErrorCode.Exhausted, failure.Code);
        Assert.Equal([digest], await store.FindMissingAsync([free, .. leased, digest], Cancellation));
        lease.Dispose();
        await PutAsync(store, large);
    }

    [Fact]
    public async Task A_file_that_does_not_fit_stays_where_it_is()
    {
        await using DiskContentStore store = await OpenAsync(Path.Combine(Scratch, "small"), 4096);
        string path = Path.Combine(Scratch, "output");
        await File.WriteAllBytesAsync(path, NewContent(5000), Cancellation);

        await Assert.ThrowsAsync<ReprException>(() => store.PutFileAsync(path, Cancellation).AsTask());

        Assert.Equal(5000, new FileInfo(path).Length);
        Assert.Equal(0, store.UsedBytes);
    }

    [Fact]
    public async Task Under_pressure_leased_blobs_are_served_and_the_bound_holds()
    {
        await using DiskContentStore store = await OpenAsync(Path.Combine(Scratch, "small"), 64 * 4096);
        using IContentLease lease = store.Lease();
        byte[][] contents = [.. Enumerable.Range(0, 16).Select(_ => NewContent(3000))];
        Array.ForEach(contents, content => lease.Add(Digest.Compute(content)));
        foreach (byte[] content in contents)
        {
            await PutAsync(store, content);
        }

        await Parallel.ForAsync(0, 400, Cancellation, async (i, _) =>
        {
            await PutAsync(store, NewContent(4096));
            using Microsoft.Win32.SafeHandles.SafeFileHandle? file = store.TryOpenFile(Digest.Compute(contents[i % 16]));
            Assert.NotNull(file);
        });

        Assert.InRange(store.UsedBytes, 16 * 4096, 64 * 4096);
        Assert.Equal(store.Count, FilesOf(Path.Combine(Scratch, "small")).Length);
    }

    [Fact]
    public async Task Another_length_with_the_same_hash_is_another_blob()
    {
        byte[] content = NewContent(1000);
        Digest digest = await PutAsync(content);
        byte[] hash = new byte[Digest.HashLength];
        digest.CopyHashTo(hash);
        Digest lie = new(hash, 999);

        Assert.Null(Local.TryOpenFile(lie));
        Assert.Equal([lie], await Store.FindMissingAsync([lie], Cancellation));
        await Assert.ThrowsAsync<ReprException>(() => Store.PutAsync(lie, new MemoryStream(content), Cancellation).AsTask());
        Assert.Equal(content, ReadFile(digest));
    }

    [Fact]
    public async Task A_blob_whose_file_somebody_deleted_is_missing()
    {
        Digest digest = await PutAsync(NewContent(Blob));
        File.Delete(PathOf(Root, digest));

        Assert.Null(Local.TryOpenFile(digest));
        Assert.Equal([digest], await Store.FindMissingAsync([digest], Cancellation));
        Assert.Equal(0, Disk.UsedBytes);
    }

    [Fact]
    public async Task The_empty_blob_survives_a_full_store_and_the_loss_of_its_file()
    {
        await using DiskContentStore store = await OpenAsync(Path.Combine(Scratch, "small"), 4096);
        store.TryOpenFile(Digest.Empty)!.Dispose();
        await PutAsync(store, NewContent(4096));
        File.Delete(Path.Combine(Scratch, "small", "empty"));

        await Parallel.ForAsync(0, 50, Cancellation, (_, _) =>
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle? file = store.TryOpenFile(Digest.Empty);
            Assert.Equal(0, RandomAccess.GetLength(file!));
            return ValueTask.CompletedTask;
        });
    }

    [Fact]
    public async Task A_file_is_taken_in_by_renaming_it_whatever_its_mode()
    {
        string path = Path.Combine(Scratch, "output");
        await File.WriteAllBytesAsync(path, NewContent(Blob), Cancellation);
        File.SetUnixFileMode(path, (UnixFileMode)0b100_111_101_101);
        string inode = await ShellAsync($"stat -c %i '{path}'");

        Digest digest = await Local.PutFileAsync(path, Cancellation);

        Assert.Equal(inode, await ShellAsync($"stat -c %i '{PathOf(Root, digest)}'"));
        Assert.Equal((UnixFileMode)0b100_100_100, File.GetUnixFileMode(PathOf(Root, digest)));
    }

    [Fact]
    public async Task A_file_of_another_user_becomes_ours()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root can give a file away.");
        string path = Path.Combine(Scratch, "output");
        byte[] content = NewContent(Blob);
        await File.WriteAllBytesAsync(path, content, Cancellation);
        await ShellAsync($"chown 1234:567 '{path}'");

        Digest digest = await Local.PutFileAsync(path, Cancellation);

        Assert.Equal("0:0", await ShellAsync($"stat -c %u:%g '{PathOf(Root, digest)}'"));
        Assert.Equal(content, ReadFile(digest));
    }

    [Fact]
    public async Task A_file_of_another_file_system_is_copied()
    {
        string other = $"/dev/shm/repr-test-{Guid.NewGuid():N}";
        Assert.SkipUnless(
            Directory.Exists("/dev/shm") && await ShellAsync("stat -c %d /dev/shm") != await ShellAsync($"stat -c %d '{Root}'"),
            "There is no second file system at /dev/shm.");
        byte[] content = NewContent(Blob);
        await File.WriteAllBytesAsync(other, content, Cancellation);

        Digest digest = await Local.PutFileAsync(other, Cancellation);

        Assert.False(File.Exists(other));
        Assert.Equal(content, ReadFile(digest));
        Assert.Empty(Directory.EnumerateFiles(Root, "*~*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_full_disk_refuses_the_blob_leaves_nothing_and_makes_room()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root can mount a small file system.");
        string mount = Directory.CreateDirectory(Path.Combine(Scratch, "mount")).FullName;
        string mounted = await ShellAsync($"mount -t tmpfs -o size=4m repr-test '{mount}' 2>&1 && echo mounted");
        Assert.SkipUnless(mounted == "mounted", $"A small file system can't be mounted: {mounted}");
        try
        {
            await using DiskContentStore store = await OpenAsync(mount, 8 << 20);
            Digest old = await PutAsync(store, NewContent(2 << 20));
            byte[] large = NewContent(3 << 20);
            Digest digest = Digest.Compute(large);

            ReprException failure = await Assert.ThrowsAsync<ReprException>(
                () => store.PutAsync(digest, new MemoryStream(large), Cancellation).AsTask());

            Assert.Equal(ReprErrorCode.Exhausted, failure.Code);
            Assert.Contains("full", failure.Message, StringComparison.Ordinal);
            Assert.Empty(Directory.EnumerateFiles(mount, "*~*", SearchOption.AllDirectories));
            Assert.Equal([old, digest], await store.FindMissingAsync([old, digest], Cancellation));
            await PutAsync(store, large);
        }
        finally
        {
            await ShellAsync($"umount '{mount}'");
        }
    }

    [Fact]
    public async Task A_durable_store_stores_the_same()
    {
        await using DiskContentStore store = await OpenAsync(Path.Combine(Scratch, "durable"), 1 << 20, durable: true);

        Digest digest = await PutAsync(store, NewContent(1000));

        Assert.Empty(await store.FindMissingAsync([digest], Cancellation));
    }

    private static async Task<string> ShellAsync(string script)
    {
        using System.Diagnostics.Process process = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("/bin/sh", ["-c", script]) { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        return output.Trim().ToString(CultureInfo.InvariantCulture);
    }
}
