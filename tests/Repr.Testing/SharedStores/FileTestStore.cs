namespace Repr.Testing.SharedStores;

/// <summary>A store whose blobs lie in files of this machine, so that it can forget and lie too.</summary>
public abstract class FileTestStore : TestStore
{
    /// <summary>The blobs that it has.</summary>
    public abstract IReadOnlySet<Digest> FindBlobs();

    /// <summary>Makes it lose these blobs, behind the back of its server.</summary>
    public abstract void Lose(IEnumerable<Digest> blobs);

    /// <summary>Changes a byte of each of these blobs, behind the back of its server.</summary>
    public abstract void Damage(IEnumerable<Digest> blobs);
}
