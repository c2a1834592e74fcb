using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;

namespace Repr.Server.Results;

/// <summary>
/// The SHA-256 of a list of values. Each is written with its length, so that no two lists have the same bytes. Not safe for concurrent use.
/// </summary>
internal sealed class Fingerprint : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>The bytes that name a fingerprint in messages.</summary>
    public static ByteString ToBytes(Digest fingerprint)
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        fingerprint.CopyHashTo(hash);
        return ByteString.CopyFrom(hash);
    }

    /// <summary>The fingerprint that bytes name; the default when they name none.</summary>
    public static Digest FromBytes(ByteString bytes) => bytes.Length == Digest.HashLength ? new Digest(bytes.Span, 0) : default;

    /// <summary>Begins a list.</summary>
    /// <param name="kind">What it describes, with the version of its form: lists of different kinds are never the same.</param>
    public Fingerprint(string kind) => Add(kind);

    /// <summary>Adds a text.</summary>
    public Fingerprint Add(string text) => Add(Encoding.UTF8.GetBytes(text));

    /// <summary>Adds texts, and how many.</summary>
    public Fingerprint Add(IReadOnlyCollection<string> texts)
    {
        Add(texts.Count);
        foreach (string text in texts)
        {
            Add(text);
        }

        return this;
    }

    /// <summary>Adds a number.</summary>
    public Fingerprint Add(long number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        _hash.AppendData(bytes);
        return this;
    }

    /// <summary>Adds a digest.</summary>
    public Fingerprint Add(Digest digest)
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        digest.CopyHashTo(hash);
        _hash.AppendData(hash);
        return Add(digest.SizeBytes);
    }

    /// <summary>Adds bytes.</summary>
    public Fingerprint Add(ReadOnlySpan<byte> bytes)
    {
        Add(bytes.Length);
        _hash.AppendData(bytes);
        return this;
    }

    /// <summary>Ends the list.</summary>
    /// <returns>Its name; the length says nothing.</returns>
    public Digest End()
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        _hash.GetHashAndReset(hash);
        return new Digest(hash, 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();
}
