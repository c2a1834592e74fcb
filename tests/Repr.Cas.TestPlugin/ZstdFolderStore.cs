using ZstdSharp;

namespace Repr.Cas.TestPlugin;

/// <summary>Blobs in a folder, compressed, so that the plugin needs a library of its own. Checks nothing.</summary>
internal sealed class ZstdFolderStore(string folder) : IContentStore
{
    public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<Digest>>([.. digests.Distinct().Where(digest => !File.Exists(PathOf(digest)))]);

    public ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken) => ValueTask.FromResult<Stream?>(
        File.Exists(PathOf(digest)) ? new DecompressionStream(File.OpenRead(PathOf(digest)), leaveOpen: false) : null);

    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        string temporary = Path.Combine(folder, Path.GetRandomFileName());
        try
        {
            await using (CompressionStream compressed = new(File.Create(temporary), leaveOpen: false))
            {
                await content.CopyToAsync(compressed, cancellationToken);
            }

            File.Move(temporary, PathOf(digest), overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private string PathOf(Digest digest) => Path.Combine(folder, digest.HashText);
}
