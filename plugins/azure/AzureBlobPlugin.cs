using Azure;
using Azure.Core;
using Azure.Identity;
using Azure.Storage;
using Azure.Storage.Blobs;

namespace Repr.Cas.AzureBlob;

/// <summary>Makes stores that keep blobs in a container of Azure Blob Storage.</summary>
public sealed class AzureBlobPlugin : IPlugin<IContentStore, AzureStoreOptions>
{
    /// <inheritdoc/>
    public string Name => "azure";

    /// <inheritdoc/>
    public IContentStore Create(AzureStoreOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        BlobClientOptions configuration = new();

        // Requests are tried again by the client, with its exponential back-off and jitter, and by nobody else.
        configuration.Retry.Mode = RetryMode.Exponential;
        configuration.Retry.MaxRetries = options.MaxRetries;
        configuration.Retry.Delay = TimeSpan.FromMilliseconds(200);
        configuration.Retry.MaxDelay = TimeSpan.FromSeconds(10);
        configuration.Retry.NetworkTimeout = options.Timeout;
        try
        {
            return new AzureContentStore(Service(options, configuration).GetBlobContainerClient(options.Container), options, context.Time);
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or InvalidOperationException)
        {
            // Neither the text nor the client's message about it is repeated: both may have the key.
            throw new ArgumentException(
                options.ConnectionString is null
                    ? "AccountKey: is no key of a storage account (base64) or SasToken is no signature."
                    : "ConnectionString: is none of a storage account, as the portal shows it.",
                nameof(options));
        }
    }

    private static BlobServiceClient Service(AzureStoreOptions options, BlobClientOptions configuration) => options switch
    {
        { ConnectionString: { } connection } => new BlobServiceClient(connection, configuration),
        { SasToken: { } signature } => new BlobServiceClient(options.ServiceUri, new AzureSasCredential(signature), configuration),
        { AccountKey: { } key } =>
            new BlobServiceClient(options.ServiceUri, new StorageSharedKeyCredential(options.AccountName, key), configuration),
        { ServiceUri.Query.Length: > 1 } => new BlobServiceClient(options.ServiceUri, configuration),
        _ => new BlobServiceClient(options.ServiceUri, new DefaultAzureCredential(), configuration),
    };
}
