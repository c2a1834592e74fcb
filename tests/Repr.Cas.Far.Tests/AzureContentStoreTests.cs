using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Sas;
using Repr.Testing.Servers;

namespace Repr.Cas.Far.Tests;

public sealed class AzureContentStoreTests(AzureFixture fixture) : FarStoreContract("azure", fixture)
{
    private const string Container = StoreServer.Container;

    // The key of nothing.
    protected override (string Name, string Wrong) Secret => ("AccountKey", Convert.ToBase64String(new byte[64]));

    protected override Dictionary<string, object?> OptionsFor(int port) => new()
    {
        ["Container"] = Container,
        ["ServiceUri"] = Service(port),
        ["AccountName"] = StoreServer.AzureAccount,
        ["AccountKey"] = StoreServer.AzureKey,
    };

    protected override Task<StoreServer> StartServerAsync(CancellationToken cancellationToken) => StoreServer.StartAzuriteAsync(cancellationToken);

    protected override async Task DamageAsync(Digest digest, int length)
    {
        BlobClient blob = Server.ConnectToAzurite().GetBlobClient(KeyOf(digest));
        byte[] content = (await blob.DownloadContentAsync(Cancellation)).Value.Content.ToArray();
        content[length - 1] ^= 1;
        await blob.UploadAsync(new BinaryData(content.AsMemory(0, length)), overwrite: true, Cancellation);
    }

    protected override async Task<long> StoredLengthAsync(Digest digest) =>
        (await Server.ConnectToAzurite().GetBlobClient(KeyOf(digest)).GetPropertiesAsync(cancellationToken: Cancellation)).Value.ContentLength;

    // Blocks that are not committed are dropped by the service after a week, and can't be removed before.
    protected override Task<IReadOnlyList<string>> FindLeftoversAsync() => Task.FromResult<IReadOnlyList<string>>([]);

    [Theory]
    [InlineData("None")]
    [InlineData("Zstd")]
    public async Task What_is_old_is_made_young_by_a_question(string compression)
    {
        byte[] content = new byte[100_000];
        Digest digest = Digest.Compute(content);
        BlobClient blob = Server.ConnectToAzurite().GetBlobClient(KeyOf(digest));
        IContentStore store = Make(Server.Port, ("RenewAfter", "00:00:01"), ("Compression", compression));
        await store.PutAsync(digest, new MemoryStream(content), Cancellation);
        BlobProperties before = await blob.GetPropertiesAsync(cancellationToken: Cancellation);
        await Task.Delay(TimeSpan.FromSeconds(2.5), Cancellation);

        Assert.Empty(await Store.FindMissingAsync([digest], Cancellation));
        BlobProperties unchanged = await blob.GetPropertiesAsync(cancellationToken: Cancellation);
        Assert.Empty(await store.FindMissingAsync([digest], Cancellation));
        BlobProperties after = await blob.GetPropertiesAsync(cancellationToken: Cancellation);

        Assert.Equal(before.LastModified, unchanged.LastModified);
        Assert.True(after.LastModified > before.LastModified);
        Assert.Equal(before.ContentEncoding, after.ContentEncoding);
        Assert.Equal(content, await ReadAsync(digest));
    }

    [Fact]
    public async Task All_ways_to_name_account_and_secret_lead_to_the_same_blobs()
    {
        byte[] content = NewContent(1000);
        Digest digest = await PutAsync(content);
        StorageSharedKeyCredential key = new(StoreServer.AzureAccount, StoreServer.AzureKey);
        string signature = new AccountSasBuilder(
            AccountSasPermissions.Read | AccountSasPermissions.Write | AccountSasPermissions.Create | AccountSasPermissions.List,
            DateTimeOffset.UtcNow.AddHours(1),
            AccountSasServices.Blobs,
            AccountSasResourceTypes.All).ToSasQueryParameters(key).ToString();
        (string, object?)[] none = [("ServiceUri", null), ("AccountName", null), ("AccountKey", null)];

        foreach (IContentStore store in new[]
        {
            Make(Server.Port, [.. none, ("ServiceUri", Service(Server.Port)), ("SasToken", signature)]),
            Make(Server.Port, [.. none, ("ServiceUri", Service(Server.Port) + "?" + signature)]),
            Make(Server.Port, [.. none, ("ConnectionString",
                $"DefaultEndpointsProtocol=http;AccountName={StoreServer.AzureAccount};AccountKey={StoreServer.AzureKey};BlobEndpoint={Service(Server.Port)};")]),
            Make(Server.Port, [.. none, ("ConnectionString", $"BlobEndpoint={Service(Server.Port)};SharedAccessSignature={signature}")]),
        })
        {
            Assert.Equal(digest, await DigestOfAsync(store, digest));
            Assert.Empty(await store.FindMissingAsync([digest], Cancellation));
            byte[] another = NewContent(10);
            await store.PutAsync(Digest.Compute(another), new MemoryStream(another), Cancellation);
            Assert.Equal(another, await ReadAsync(Digest.Compute(another)));
        }
    }

    [Fact]
    public async Task A_container_that_is_not_there_is_unavailable_and_the_message_says_so()
    {
        IContentStore store = Make(Server.Port, ("Container", "no-such-container"));
        byte[] content = NewContent(10);
        Digest digest = Digest.Compute(content);

        foreach (ReprException failure in new[]
        {
            await AssertUnavailableAsync(async () => await store.PutAsync(digest, new MemoryStream(content), Cancellation)),
            await AssertUnavailableAsync(async () => await store.OpenAsync(digest, Cancellation)),
            await AssertUnavailableAsync(async () => await store.FindMissingAsync([digest], Cancellation)),
        })
        {
            Assert.Contains("there is no such container", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_server_that_comes_back_is_used_again()
    {
        await using StoreServer server = await StoreServer.StartAzuriteAsync(Cancellation);
        IContentStore store = Make(server.Port, ("MaxRetries", 0));
        byte[] content = NewContent(1000);
        Digest digest = Digest.Compute(content);
        await store.PutAsync(digest, new MemoryStream(content), Cancellation);
        await server.KillAsync();
        await AssertUnavailableAsync(async () => await store.FindMissingAsync([digest], Cancellation));
        await server.StartAgainAsync(Cancellation);

        // What it still has after a kill is the emulator's business.
        await store.PutAsync(digest, new MemoryStream(content), Cancellation);
        Assert.Equal(digest, await DigestOfAsync(store, digest));
    }

    private static string Service(int port) => $"http://127.0.0.1:{port}/{StoreServer.AzureAccount}";
}
