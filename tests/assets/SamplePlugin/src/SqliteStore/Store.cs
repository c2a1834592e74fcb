using Repr;

namespace SqliteStore;

/// <summary>
/// Blobs in a folder, one file each. Written under another name and renamed, so that a blob is there as a whole or not at all.
/// Safe for concurrent use. Replace the three methods by yours; the host checks content against its digest.
/// </summary>
internal sealed class Store(string folder) : IContentStore
{
    public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<Digest>>([.. digests.Distinct().Where(digest => !File.Exists(PathOf(digest)))]);

    public ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken) => ValueTask.FromResult(Try<Stream?>(() =>
    {
        try
        {
            return File.OpenRead(PathOf(digest));
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }));

    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        string temporary = Path.Combine(folder, Path.GetRandomFileName());
        FileStream file = Try(() =>
        {
            Directory.CreateDirectory(folder);
            return File.Create(temporary);
        });
        try
        {
            await using (file)
            {
                await content.CopyToAsync(file, cancellationToken);
            }

            Try(() =>
            {
                File.Move(temporary, PathOf(digest), overwrite: true);
                return true;
            });
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private string PathOf(Digest digest) => Path.Combine(folder, digest.HashText);

    // The host takes this for a store that does not answer: it warns, and goes on without the store for a while.
    private static T Try<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ReprException(ReprErrorCode.Unavailable, failure.Message, failure);
        }
    }
}
