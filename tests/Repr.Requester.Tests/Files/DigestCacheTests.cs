using Microsoft.Extensions.Time.Testing;
using Repr.Requester.Files;

namespace Repr.Requester.Tests.Files;

public sealed class DigestCacheTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _later = new(DateTimeOffset.UtcNow.AddMinutes(1));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_file_at_rest_is_read_once()
    {
        string file = _directory.Write("a", "content");
        using DigestCache cache = Open(_later);

        await GetAsync(cache, file);
        HashedFile second = await GetAsync(cache, file);

        Assert.Equal(Digest.Compute("content"u8), second.Digest);
        Assert.Equal(1, cache.HashedFiles);
    }

    [Fact]
    public async Task A_file_that_changed_just_now_is_read_again_until_the_clock_has_moved_on()
    {
        string file = _directory.Write("a", "content");
        FakeTimeProvider clock = new(DateTimeOffset.UtcNow);
        using DigestCache cache = Open(clock);

        await GetAsync(cache, file);
        await GetAsync(cache, file);
        Assert.Equal(2, cache.HashedFiles);
        clock.Advance(TimeSpan.FromSeconds(5));
        await GetAsync(cache, file);
        await GetAsync(cache, file);
        await GetAsync(cache, file);

        Assert.Equal(3, cache.HashedFiles);
    }

    [Fact]
    public async Task A_racy_digest_is_not_kept_across_a_restart()
    {
        string file = _directory.Write("a", "content");
        using (DigestCache cache = Open(new FakeTimeProvider(DateTimeOffset.UtcNow)))
        {
            await GetAsync(cache, file);
        }

        using DigestCache again = Open(_later);
        Assert.Equal(0, again.Count);
    }

    [Fact]
    public async Task Digests_survive_a_restart()
    {
        string file = _directory.Write("a", "content");
        using (DigestCache cache = Open(_later))
        {
            await GetAsync(cache, file);
        }

        using DigestCache again = Open(_later);
        HashedFile found = await GetAsync(again, file);

        Assert.Equal(Digest.Compute("content"u8), found.Digest);
        Assert.Equal(0, again.HashedFiles);
    }

    [Fact]
    public async Task A_change_with_a_forged_time_and_the_same_length_is_noticed()
    {
        string file = _directory.Write("a", "content");
        using DigestCache cache = Open(_later);
        await GetAsync(cache, file);
        DateTime modified = File.GetLastWriteTimeUtc(file);

        File.WriteAllText(file, "CONTENT");
        File.SetLastWriteTimeUtc(file, modified);

        Assert.Equal(Digest.Compute("CONTENT"u8), (await GetAsync(cache, file)).Digest);
    }

    [Fact]
    public async Task A_file_that_was_replaced_by_a_rename_is_noticed()
    {
        string file = _directory.Write("a", "content");
        using DigestCache cache = Open(_later);
        await GetAsync(cache, file);

        File.Move(_directory.Write("b", "CONTENT"), file, true);

        Assert.Equal(Digest.Compute("CONTENT"u8), (await GetAsync(cache, file)).Digest);
    }

    [Fact]
    public async Task A_damaged_tail_of_the_file_is_dropped_and_the_rest_is_kept()
    {
        string first = _directory.Write("a", "first");
        string second = _directory.Write("b", "second");
        using (DigestCache cache = Open(_later))
        {
            await GetAsync(cache, first);
            await GetAsync(cache, second);
        }

        using (FileStream file = File.OpenWrite(_directory.At("digests-v1")))
        {
            file.Position = DigestCacheFile.RecordLength + 50;
            file.WriteByte(0xFF);
        }

        using DigestCache again = Open(_later);
        await GetAsync(again, first);
        Assert.Equal(0, again.HashedFiles);
        Assert.Equal(Digest.Compute("second"u8), (await GetAsync(again, second)).Digest);
        Assert.Equal(1, again.HashedFiles);
    }

    [Fact]
    public async Task A_second_process_remembers_in_memory_only()
    {
        string file = _directory.Write("a", "content");
        using DigestCache first = Open(_later);
        using DigestCache second = Open(_later);

        Assert.False(second.IsPersistent);
        Assert.Equal(Digest.Compute("content"u8), (await GetAsync(second, file)).Digest);
    }

    [Fact]
    public async Task Callers_at_the_same_time_share_one_reading()
    {
        string file = _directory.Write("a", new string('x', 40_000_000));
        using DigestCache cache = Open(_later);
        FileStat stat = LinuxNative.TryStat(file)!.Value;

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => cache.GetAsync(file, stat, TestContext.Current.CancellationToken).AsTask()));

        Assert.Equal(1, cache.HashedFiles);
    }

    [Fact]
    public async Task A_link_at_the_end_is_not_followed()
    {
        string file = _directory.Write("a", "content");
        File.CreateSymbolicLink(_directory.At("link"), file);
        using DigestCache cache = Open(_later);
        FileStat stat = LinuxNative.TryStat(file)!.Value;

        await Assert.ThrowsAsync<ReprException>(
            async () => await cache.GetAsync(
                _directory.At("link"), stat with { Inode = stat.Inode + 1_000_000 }, TestContext.Current.CancellationToken));
    }

    private static async Task<HashedFile> GetAsync(DigestCache cache, string file) =>
        await cache.GetAsync(file, LinuxNative.TryStat(file)!.Value, TestContext.Current.CancellationToken);

    private DigestCache Open(TimeProvider time) => new(_directory.At("digests-v1"), time);
}
