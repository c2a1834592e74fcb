namespace Repr.Testing.SharedStores;

/// <summary>A shared directory. It is killed by taking it away, as an unmounted share is.</summary>
public sealed class DirectoryTestStore : FileTestStore
{
    private readonly string _root = Directory.CreateTempSubdirectory("repr-share-").FullName;

    /// <summary>Makes an empty one.</summary>
    public DirectoryTestStore() => Directory.CreateDirectory(Share);

    /// <summary>Where it is.</summary>
    public string Share => Path.Combine(_root, "share");

    /// <inheritdoc/>
    public override string Plugin => "directory";

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, object> Options => new Dictionary<string, object> { ["Path"] = Share };

    /// <inheritdoc/>
    public override Task KillAsync()
    {
        Directory.Move(Share, Share + ".away");
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task RestartAsync()
    {
        Directory.Move(Share + ".away", Share);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override IReadOnlySet<Digest> FindBlobs() => BlobFiles.Find(_root);

    /// <inheritdoc/>
    public override void Lose(IEnumerable<Digest> blobs) => BlobFiles.Lose(_root, blobs);

    /// <inheritdoc/>
    public override void Damage(IEnumerable<Digest> blobs) => BlobFiles.Damage(_root, blobs);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        Directory.Delete(_root, recursive: true);
        return ValueTask.CompletedTask;
    }
}
