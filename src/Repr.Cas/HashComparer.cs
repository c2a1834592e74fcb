namespace Repr.Cas;

/// <summary>
/// Compares digests by their hash alone: a store has one file per hash, and of two digests with one hash and different lengths at
/// most one is true.
/// </summary>
internal sealed class HashComparer : IEqualityComparer<Digest>
{
    public static readonly HashComparer Instance = new();

    public bool Equals(Digest x, Digest y)
    {
        Span<byte> left = stackalloc byte[Digest.HashLength];
        Span<byte> right = stackalloc byte[Digest.HashLength];
        x.CopyHashTo(left);
        y.CopyHashTo(right);
        return left.SequenceEqual(right);
    }

    public int GetHashCode(Digest obj) => obj.GetHashCode();
}
