namespace Repr.StoresBench;

/// <summary>A blob of the bench.</summary>
/// <param name="Name">What the client by itself calls it.</param>
/// <param name="Digest">What the store calls it.</param>
/// <param name="Content">Its bytes.</param>
internal sealed record Blob(string Name, Digest Digest, byte[] Content);

/// <summary>A way to put and get blobs.</summary>
/// <param name="Title">What the table calls it.</param>
/// <param name="PutAsync">Stores a blob.</param>
/// <param name="GetAsync">Reads a blob to its end and returns how long it was.</param>
internal sealed record Subject(
    string Title, Func<Blob, CancellationToken, Task> PutAsync, Func<Blob, CancellationToken, Task<long>> GetAsync)
{
    /// <summary>The way through a store.</summary>
    public static Subject Of(string title, IContentStore store) => new(
        title,
        async (blob, token) => await store.PutAsync(blob.Digest, new MemoryStream(blob.Content, writable: false), token),
        async (blob, token) =>
        {
            await using Stream content = await store.OpenAsync(blob.Digest, token)
                ?? throw new InvalidOperationException($"Blob {blob.Digest} is not in the store.");
            return await DrainAsync(content, token);
        });

    /// <summary>Reads a stream to its end and returns how long it was.</summary>
    public static async Task<long> DrainAsync(Stream content, CancellationToken cancellationToken)
    {
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(1 << 17);
        long length = 0;
        int read;
        while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
        {
            length += read;
        }

        System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        return length;
    }
}
