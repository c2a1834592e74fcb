using Repr.Requester.Files;

namespace Repr.Requester.Content;

/// <summary>Where the bytes of a digest are: in a file of this machine, or in memory. Immutable.</summary>
internal sealed record ContentSource
{
    private ContentSource(Digest digest) => Digest = digest;

    /// <summary>The identity of the bytes.</summary>
    public Digest Digest { get; }

    /// <summary>Physical path of the file; null: the bytes are in memory.</summary>
    public string? Path { get; private init; }

    /// <summary>The file's attributes when it had this digest.</summary>
    public FileStat Stat { get; private init; }

    /// <summary>The bytes in memory, when there is no file.</summary>
    public ReadOnlyMemory<byte> Bytes { get; private init; }

    /// <summary>Content of a file.</summary>
    public static ContentSource OfFile(string path, HashedFile file) => new(file.Digest) { Path = path, Stat = file.Stat };

    /// <summary>Content in memory.</summary>
    public static ContentSource OfBytes(ReadOnlyMemory<byte> bytes) => new(Digest.Compute(bytes.Span)) { Bytes = bytes };
}
