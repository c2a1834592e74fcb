using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using Repr.Plugins.Testing;
using Xunit;

namespace Repr.Testing;

/// <summary>What every <see cref="ILocalContentStore"/> promises beyond <see cref="ContentStoreContract"/>.</summary>
public abstract class LocalContentStoreContract : ContentStoreContract
{
    /// <summary>A directory of this test alone, in the same file system as the store.</summary>
    protected string Scratch { get; } = Directory.CreateTempSubdirectory("repr-cas-").FullName;

    /// <summary>The store under test.</summary>
    protected ILocalContentStore Local => (ILocalContentStore)Store;

    /// <inheritdoc/>
    protected override ValueTask DisposeStoreAsync()
    {
        Directory.Delete(Scratch, recursive: true);
        return base.DisposeStoreAsync();
    }

    /// <summary>All of a blob's file; null when there is none.</summary>
    protected byte[]? ReadFile(Digest digest)
    {
        using SafeFileHandle? handle = Local.TryOpenFile(digest);
        if (handle is null)
        {
            return null;
        }

        byte[] content = new byte[RandomAccess.GetLength(handle)];
        Assert.Equal(content.Length, RandomAccess.Read(handle, content, 0));
        return content;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task The_file_of_a_blob_has_its_content(int size)
    {
        byte[] content = NewContent(size);

        Digest digest = await PutAsync(content);

        Assert.Equal(content, ReadFile(digest));
    }

    [Fact]
    public void A_missing_blob_has_no_file() => Assert.Null(Local.TryOpenFile(Digest.Compute(NewContent(10))));

    [Fact]
    public void The_empty_blob_always_has_a_file() => Assert.Empty(ReadFile(Digest.Empty) ?? [1]);

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task A_file_that_was_taken_in_is_a_blob_and_gone(int size)
    {
        string path = Path.Combine(Scratch, "output");
        byte[] content = NewContent(size);
        await File.WriteAllBytesAsync(path, content, Cancellation);

        Digest digest = await Local.PutFileAsync(path, Cancellation);

        Assert.Equal(Digest.Compute(content), digest);
        Assert.Equal(content, ReadFile(digest));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task A_file_whose_content_is_there_already_is_gone_as_well()
    {
        string path = Path.Combine(Scratch, "output");
        byte[] content = NewContent(1000);
        Digest digest = await PutAsync(content);
        await File.WriteAllBytesAsync(path, content, Cancellation);

        Assert.Equal(digest, await Local.PutFileAsync(path, Cancellation));

        Assert.False(File.Exists(path));
        Assert.Equal(content, await ReadAsync(digest));
    }

    [Fact]
    public async Task Changing_a_second_name_of_a_file_that_was_taken_in_does_not_change_the_blob()
    {
        string path = Path.Combine(Scratch, "output");
        string other = Path.Combine(Scratch, "other name");
        byte[] content = NewContent(1000);
        await File.WriteAllBytesAsync(path, content, Cancellation);
        using (Process link = Process.Start("/bin/ln", [path, other]))
        {
            await link.WaitForExitAsync(Cancellation);
        }


        Digest digest = await Local.PutFileAsync(path, Cancellation);
        await File.WriteAllBytesAsync(other, NewContent(1000), Cancellation);

        Assert.Equal(content, ReadFile(digest));
    }

    [Fact]
    public async Task A_link_gives_the_content_it_leads_to_and_is_gone_alone()
    {
        string target = Path.Combine(Scratch, "target");
        string link = Path.Combine(Scratch, "link");
        byte[] content = NewContent(1000);
        await File.WriteAllBytesAsync(target, content, Cancellation);
        File.CreateSymbolicLink(link, target);

        Digest digest = await Local.PutFileAsync(link, Cancellation);
        await File.WriteAllBytesAsync(target, NewContent(1000), Cancellation);

        Assert.Equal(content, ReadFile(digest));
        Assert.False(Path.Exists(link));
    }

    [Fact]
    public async Task A_missing_file_can_not_be_taken_in()
    {
        await Assert.ThrowsAnyAsync<IOException>(() => Local.PutFileAsync(Path.Combine(Scratch, "none"), Cancellation).AsTask());
    }

    [Fact]
    public async Task A_leased_blob_outlives_everything_that_comes_after_it()
    {
        byte[] content = NewContent(100_000);
        using IContentLease lease = Local.Lease();
        Digest digest = await PutAsync(content);
        lease.Add(digest);

        await FillAsync();

        Assert.Equal(content, ReadFile(digest));
    }

    [Fact]
    public async Task A_blob_that_comes_after_its_lease_is_kept()
    {
        byte[] content = NewContent(100_000);
        using IContentLease lease = Local.Lease();
        lease.Add(Digest.Compute(content));
        Digest digest = await PutAsync(content);

        await FillAsync();

        Assert.Equal(content, ReadFile(digest));
    }

    [Fact]
    public async Task A_blob_is_evicted_when_its_last_lease_is_over()
    {
        Digest digest = await PutAsync(NewContent(100_000));
        IContentLease first = Local.Lease();
        IContentLease second = Local.Lease();
        first.Add(digest);
        first.Add(digest);
        second.Add(digest);
        first.Dispose();
        await FillAsync();
        Assert.Empty(await Local.FindMissingAsync([digest], Cancellation));

        second.Dispose();
        await FillAsync();

        Assert.Null(Local.TryOpenFile(digest));
        Assert.Equal([digest], await Local.FindMissingAsync([digest], Cancellation));
    }

    [Fact]
    public async Task A_file_that_is_open_stays_readable_when_its_blob_is_evicted()
    {
        byte[] content = NewContent(100_000);
        Digest digest = await PutAsync(content);
        await using Stream? open = await Local.OpenAsync(digest, Cancellation);

        await FillAsync();

        byte[] read = new byte[content.Length];
        await open!.ReadExactlyAsync(read, Cancellation);
        Assert.Equal(content, read);
        Assert.Null(Local.TryOpenFile(digest));
    }

    [Fact]
    public void A_lease_that_is_over_takes_no_more()
    {
        IContentLease lease = Local.Lease();
        lease.Dispose();
        lease.Dispose();

        Assert.Throws<ObjectDisposedException>(() => lease.Add(Digest.Compute([1])));
    }

    /// <summary>Puts more into the store than it may hold, in blobs of 1 MiB.</summary>
    private async Task FillAsync()
    {
        for (int i = 0; i < 9; i++)
        {
            await PutAsync(NewContent(1 << 20));
        }
    }
}
