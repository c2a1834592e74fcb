using System.Collections.Concurrent;
using System.Security.Cryptography;
using Repr.Cas;
using Repr.Plugins.Testing;
using Repr.Testing.SharedStores;

namespace Repr.SharedStores.Tests;

/// <summary>
/// Servers that are away, die in the middle, lose and damage: nothing wrong is ever read, and what failed says so. (Those of Redis, S3 and
/// Azure do it in Repr.Cas.Far.Tests.)
/// </summary>
public sealed class FailureTests
{
    public static TheoryData<string> Names => TestStores.FileNames;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_server_that_is_away_is_unavailable_and_used_again_when_it_is_back(string name)
    {
        await using FileTestStore server = await TestStores.StartAsync(name);
        await server.KillAsync();
        await using (LoadedStore loaded = LoadedStore.Load(server))
        {
            ReprException failure = await Assert.ThrowsAsync<ReprException>(() => loaded.Store.FindMissingAsync([Digest.Compute([1])], Cancellation).AsTask());
            Assert.Equal(ReprErrorCode.Unavailable, failure.Code);
            Assert.Contains(server.Options.Values.First().ToString()!, failure.Message, StringComparison.Ordinal);
            Assert.NotNull(loaded.Store.Failure);
        }

        await server.RestartAsync();
        await using LoadedStore again = LoadedStore.Load(server);
        Digest digest = await PutAsync(again.Store, [1, 2, 3]);

        Assert.Equal([1, 2, 3], await ReadAsync(again.Store, digest));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_server_that_dies_while_many_write_keeps_only_whole_blobs(string name)
    {
        await using FileTestStore server = await TestStores.StartAsync(name);
        ConcurrentDictionary<Digest, byte[]> stored = new();
        ConcurrentBag<Exception> failures = [];
        await using (LoadedStore loaded = LoadedStore.Load(server))
        {
            Task writing = Parallel.ForAsync(0, 400, Cancellation, async (number, _) =>
            {
                byte[] content = RandomNumberGenerator.GetBytes(number % 40 == 0 ? 3_000_000 : 10_000 + number);
                try
                {
                    stored[await PutAsync(loaded.Store, content)] = content;
                }
                catch (ReprException failure)
                {
                    failures.Add(failure);
                }
            });
            while (stored.Count < 20)
            {
                await Task.Delay(1, Cancellation);
            }

            await server.KillAsync();
            await writing;
        }

        Assert.All(failures, failure => Assert.Equal(ReprErrorCode.Unavailable, Assert.IsType<ReprException>(failure).Code));
        await server.RestartAsync();
        await using LoadedStore again = LoadedStore.Load(server);
        Assert.Empty(await again.Store.FindMissingAsync([.. stored.Keys], Cancellation));
        foreach ((Digest digest, byte[] content) in stored)
        {
            Assert.Equal(content, await ReadAsync(again.Store, digest));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_server_that_dies_while_a_blob_is_read_fails_the_read(string name)
    {
        await using FileTestStore server = await TestStores.StartAsync(name);
        await using LoadedStore loaded = LoadedStore.Load(server);
        byte[] content = RandomNumberGenerator.GetBytes(64 << 20);
        Digest digest = await PutAsync(loaded.Store, content);
        await using Stream stream = (await loaded.Store.OpenAsync(digest, Cancellation))!;
        byte[] first = new byte[1000];
        await stream.ReadExactlyAsync(first, Cancellation);

        await server.KillAsync();

        using MemoryStream rest = new();
        ReprException? failure = null;
        try
        {
            await stream.CopyToAsync(rest, Cancellation);
        }
        catch (ReprException thrown)
        {
            failure = thrown;
        }

        // Who has a file open reads it to its end, also when its directory is gone.
        Assert.Equal(name == "directory", failure is null);
        Assert.True(failure is { Code: ReprErrorCode.Unavailable } || first.Concat(rest.ToArray()).SequenceEqual(content));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_damaged_blob_is_never_given_out_and_can_be_put_again(string name)
    {
        await using FileTestStore server = await TestStores.StartAsync(name);
        byte[] small = RandomNumberGenerator.GetBytes(5_000);
        byte[] large = RandomNumberGenerator.GetBytes(5_000_000);
        Digest[] digests;
        await using (LoadedStore loaded = LoadedStore.Load(server))
        {
            digests = [await PutAsync(loaded.Store, small), await PutAsync(loaded.Store, large)];
        }

        await server.KillAsync();
        server.Damage(digests);
        await server.RestartAsync();
        await using LoadedStore again = LoadedStore.Load(server);

        foreach (Digest digest in digests)
        {
            try
            {
                Assert.Null(await ReadAsync(again.Store, digest));
            }
            catch (ReprException failure)
            {
                Assert.Equal(ReprErrorCode.Corrupt, failure.Code);
            }
        }

        Assert.Null(again.Store.Failure); // one bad blob is no bad store
        Assert.Equal(digests[0], await PutAsync(again.Store, small));
        Assert.Equal(digests[1], await PutAsync(again.Store, large));
        Assert.Equal(small, await ReadAsync(again.Store, digests[0]));
        Assert.Equal(large, await ReadAsync(again.Store, digests[1]));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Several_processes_share_it(string name)
    {
        await using FileTestStore server = await TestStores.StartAsync(name);
        await using LoadedStore first = LoadedStore.Load(server);
        await using LoadedStore second = LoadedStore.Load(server);
        byte[][] contents = [.. Enumerable.Range(0, 100).Select(static number => RandomNumberGenerator.GetBytes(1 + (number * 3001)))];

        await Parallel.ForEachAsync(contents, Cancellation, async (content, _) =>
        {
            await Task.WhenAll(PutAsync(first.Store, content), PutAsync(second.Store, content));
        });

        Digest[] digests = [.. contents.Select(static content => Digest.Compute(content))];
        Assert.Empty(await second.Store.FindMissingAsync(digests, Cancellation));
        for (int index = 0; index < contents.Length; index++)
        {
            Assert.Equal(contents[index], await ReadAsync(index % 2 == 0 ? first.Store : second.Store, digests[index]));
        }
    }

    private static async Task<Digest> PutAsync(GuardedContentStore store, byte[] content)
    {
        Digest digest = Digest.Compute(content);
        await store.PutAsync(digest, new TricklingStream(content, 50_000), Cancellation);
        return digest;
    }

    private static async Task<byte[]?> ReadAsync(GuardedContentStore store, Digest digest)
    {
        await using Stream? stream = await store.OpenAsync(digest, Cancellation);
        if (stream is null)
        {
            return null;
        }

        using MemoryStream content = new();
        await stream.CopyToAsync(content, Cancellation);
        return content.ToArray();
    }
}
