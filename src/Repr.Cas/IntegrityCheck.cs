using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Repr.Cas;

/// <summary>
/// Decides whether a blob's file still is the blob. The length is compared each time; the hash when it was not since the store was
/// opened, and again after a while. Safe for concurrent use.
/// </summary>
/// <param name="trustedFor">How long a hash that was right counts.</param>
/// <param name="time">The clock for that.</param>
internal sealed class IntegrityCheck(TimeSpan trustedFor, TimeProvider time)
{
    private const int MaximumBufferBytes = 1 << 18;

    /// <summary>Says what is wrong with a file; null when it is the blob.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    public string? FindDamage(SafeFileHandle file, BlobIndex.Entry entry)
    {
        long length = RandomAccess.GetLength(file);
        if (length != entry.Digest.SizeBytes)
        {
            return $"its length is {length}";
        }

        long now = time.GetUtcNow().UtcTicks;
        if (entry.VerifiedAt != 0 && now - entry.VerifiedAt <= trustedFor.Ticks)
        {
            return null;
        }

        Digest actual = ComputeDigest(file, length);
        if (actual != entry.Digest)
        {
            return $"its SHA-256 is {actual.HashText}";
        }

        entry.VerifiedAt = now;
        return null;
    }

    private static Digest ComputeDigest(SafeFileHandle file, long length)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(length, 1, MaximumBufferBytes));
        try
        {
            long position = 0;
            int read;
            while ((read = RandomAccess.Read(file, buffer, position)) > 0)
            {
                hash.AppendData(buffer, 0, read);
                position += read;
            }

            return Digest.Finish(hash, position);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
