using System.Security.Cryptography;

namespace Repr.Server.Results.Shared;

/// <summary>
/// What only workers of one farm can do: name what they know together, and say that it is from one of them. HMAC-SHA-256 (RFC 2104) under a key
/// that is derived from the farm's. Immutable; safe for concurrent use.
/// </summary>
internal sealed class KnowledgeSeal
{
    private readonly byte[] _key;

    /// <summary>Derives the key.</summary>
    /// <param name="farmKey">The farm's; the same on all its workers.</param>
    public KnowledgeSeal(ReadOnlySpan<byte> farmKey) => _key = HMACSHA256.HashData(farmKey, "repr knowledge 1"u8);

    /// <summary>The name of what is known of a fingerprint; from the one the other cannot be told without the key.</summary>
    public Digest NameOf(Digest fingerprint) => new(Compute("name"u8, fingerprint, []), 0);

    /// <summary>The message behind its seal.</summary>
    public byte[] Seal(Digest name, ReadOnlySpan<byte> message) => [.. Compute("message"u8, name, message), .. message];

    /// <summary>Reads a sealed message.</summary>
    /// <returns>Null: it is from none of the farm, or of another name.</returns>
    public ReadOnlyMemory<byte>? TryOpen(Digest name, ReadOnlyMemory<byte> sealedMessage)
    {
        if (sealedMessage.Length < HMACSHA256.HashSizeInBytes)
        {
            return null;
        }

        ReadOnlyMemory<byte> message = sealedMessage[HMACSHA256.HashSizeInBytes..];
        return CryptographicOperations.FixedTimeEquals(
            sealedMessage.Span[..HMACSHA256.HashSizeInBytes], Compute("message"u8, name, message.Span))
            ? message
            : default(ReadOnlyMemory<byte>?); // a plain null would be an empty message
    }

    private byte[] Compute(ReadOnlySpan<byte> use, Digest name, ReadOnlySpan<byte> message)
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        name.CopyHashTo(hash);
        using IncrementalHash hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        hmac.AppendData([(byte)use.Length]); // no two uses give the same bytes
        hmac.AppendData(use);
        hmac.AppendData(hash);
        hmac.AppendData(message);
        return hmac.GetHashAndReset();
    }
}
