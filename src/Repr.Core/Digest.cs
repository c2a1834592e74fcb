using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Repr;

/// <summary>
/// Identity of content: its SHA-256 (FIPS 180-4) and its length in bytes. The same pair as in the Bazel Remote Execution API v2.
/// Immutable; the default value is not a digest (<see cref="IsDefault"/>).
/// </summary>
public readonly struct Digest : IEquatable<Digest>
{
    /// <summary>Bytes of a SHA-256.</summary>
    public const int HashLength = 32;

    private const int CopyBufferLength = 1 << 17;

    private readonly HashBytes _hash;
    private readonly long _sizePlusOne;

    /// <summary>Makes a digest from the 32 bytes of a hash and a length.</summary>
    /// <exception cref="ArgumentException">The hash is not 32 bytes long, or the length is negative.</exception>
    public Digest(ReadOnlySpan<byte> hash, long sizeBytes)
    {
        if (hash.Length != HashLength)
        {
            throw new ArgumentException($"A SHA-256 has {HashLength} bytes, not {hash.Length}.", nameof(hash));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(sizeBytes);
        hash.CopyTo(_hash);
        _sizePlusOne = sizeBytes + 1;
    }

    /// <summary>The digest of no bytes at all.</summary>
    public static Digest Empty { get; } = Compute([]);

    /// <summary>Length of the content in bytes.</summary>
    public long SizeBytes => _sizePlusOne - 1;

    /// <summary>True for <c>default(Digest)</c>, which identifies nothing.</summary>
    public bool IsDefault => _sizePlusOne == 0;

    /// <summary>The hash in 64 lower-case hexadecimal digits.</summary>
    public string HashText => Convert.ToHexStringLower(_hash);

    /// <summary>Compares two digests.</summary>
    public static bool operator ==(Digest left, Digest right) => left.Equals(right);

    /// <summary>Compares two digests.</summary>
    public static bool operator !=(Digest left, Digest right) => !left.Equals(right);

    /// <summary>Computes the digest of bytes in memory.</summary>
    public static Digest Compute(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[HashLength];
        SHA256.HashData(content, hash);
        return new Digest(hash, content.Length);
    }

    /// <summary>Computes the digest of the rest of a stream.</summary>
    /// <exception cref="IOException">The stream could not be read.</exception>
    public static async ValueTask<Digest> ComputeAsync(Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyBufferLength);
        try
        {
            long size = 0;
            int read;
            while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
            {
                hash.AppendData(buffer.AsSpan(0, read));
                size += read;
            }

            return Finish(hash, size);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Takes the digest out of an incremental SHA-256 that has seen <paramref name="sizeBytes"/> bytes, and resets it.</summary>
    public static Digest Finish(IncrementalHash hash, long sizeBytes)
    {
        ArgumentNullException.ThrowIfNull(hash);
        Span<byte> bytes = stackalloc byte[HashLength];
        hash.GetHashAndReset(bytes);
        return new Digest(bytes, sizeBytes);
    }

    /// <summary>Reads the form that <see cref="ToString"/> writes: 64 lower-case hexadecimal digits, '/', length.</summary>
    /// <returns>False when the text is anything else.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out Digest digest)
    {
        digest = default;
        int slash = text.IndexOf('/');
        return slash >= 0
            && long.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out long size)
            && TryParse(text[..slash], size, out digest);
    }

    /// <summary>Reads a hash of 64 lower-case hexadecimal digits and a length.</summary>
    /// <returns>False when the hash has another form or the length is negative.</returns>
    public static bool TryParse(ReadOnlySpan<char> hashText, long sizeBytes, out Digest digest)
    {
        digest = default;
        Span<byte> hash = stackalloc byte[HashLength];
        if (sizeBytes < 0
            || hashText.Length != 2 * HashLength
            || hashText.ContainsAnyInRange('A', 'F')
            || Convert.FromHexString(hashText, hash, out _, out int written) != OperationStatus.Done
            || written != HashLength)
        {
            return false;
        }

        digest = new Digest(hash, sizeBytes);
        return true;
    }

    /// <summary>Writes the 32 bytes of the hash.</summary>
    /// <exception cref="ArgumentException">The destination is shorter than 32 bytes.</exception>
    public void CopyHashTo(Span<byte> destination) => ((ReadOnlySpan<byte>)_hash).CopyTo(destination);

    /// <inheritdoc/>
    public bool Equals(Digest other) =>
        _sizePlusOne == other._sizePlusOne && ((ReadOnlySpan<byte>)_hash).SequenceEqual(other._hash);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Digest other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        // Seeded for each process: digests come from the wire, where anybody can make up a million that begin alike.
        ReadOnlySpan<long> words = MemoryMarshal.Cast<byte, long>((ReadOnlySpan<byte>)_hash);
        return HashCode.Combine(words[0], words[1], words[2], words[3]);
    }

    /// <summary>64 hexadecimal digits, '/', length.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{HashText}/{SizeBytes}");

    [InlineArray(HashLength)]
    private struct HashBytes
    {
        private byte _first;
    }
}
