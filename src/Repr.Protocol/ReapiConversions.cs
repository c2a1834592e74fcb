using System.Globalization;

namespace Repr.Protocol;

/// <summary>
/// The only place where digests and resource names of the Remote Execution API v2 become types of Repr.Core and back. All
/// members are pure and safe for concurrent use.
/// </summary>
public static class ReapiConversions
{
    /// <summary>Writes a digest.</summary>
    public static Reapi.Digest ToReapi(this Digest digest) => new() { Hash = digest.HashText, SizeBytes = digest.SizeBytes };

    /// <summary>Reads a digest.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: not 64 lower-case hexadecimal digits and a size.</exception>
    public static Digest ToCore(this Reapi.Digest? digest) =>
        digest is not null && Digest.TryParse(digest.Hash, digest.SizeBytes, out Digest core)
            ? core
            : throw new ReprException(
                ReprErrorCode.InvalidRequest,
                $"'{digest?.Hash}/{digest?.SizeBytes}' is not a SHA-256 digest: 64 lower-case hexadecimal digits and a size of at least 0.");
}

/// <summary>
/// The name of a blob in the ByteStream service:
/// <c>[instance/]blobs/HASH/SIZE</c>, <c>[instance/]compressed-blobs/zstd/HASH/SIZE</c>, and for writing the same after
/// <c>[instance/]uploads/UUID/</c>. What follows the size is metadata and ignored, as the API says.
/// </summary>
/// <param name="Digest">Which blob; always of the uncompressed content.</param>
/// <param name="IsCompressed">The bytes of the stream are zstd.</param>
public readonly record struct BlobResourceName(Digest Digest, bool IsCompressed)
{
    private const string Blobs = "blobs";
    private const string CompressedBlobs = "compressed-blobs";
    private const string Zstd = "zstd";
    private const string Uploads = "uploads";

    /// <summary>Which of the server's stores; empty: its only one. Set when a name is read.</summary>
    public string InstanceName { get; private init; } = "";

    /// <summary>The name for reading.</summary>
    /// <param name="instanceName">Which of the server's stores; empty: its only one.</param>
    public string ToReadName(string instanceName = "") => Prefix(instanceName) + Path;

    /// <summary>The name for writing.</summary>
    /// <param name="upload">Tells this upload from others of the same blob.</param>
    /// <param name="instanceName">Which of the server's stores; empty: its only one.</param>
    public string ToWriteName(Guid upload, string instanceName = "") => $"{Prefix(instanceName)}{Uploads}/{upload:D}/{Path}";

    /// <summary>Reads a name for reading.</summary>
    public static bool TryParseRead(string name, out BlobResourceName resource) => TryParse(name, isUpload: false, out resource);

    /// <summary>Reads a name for writing.</summary>
    public static bool TryParseWrite(string name, out BlobResourceName resource) => TryParse(name, isUpload: true, out resource);

    private string Path => string.Create(
        CultureInfo.InvariantCulture,
        $"{(IsCompressed ? $"{CompressedBlobs}/{Zstd}" : Blobs)}/{Digest.HashText}/{Digest.SizeBytes}");

    private static string Prefix(string instanceName)
    {
        ArgumentNullException.ThrowIfNull(instanceName);
        return instanceName.Length == 0 ? "" : instanceName + "/";
    }

    private static bool TryParse(string name, bool isUpload, out BlobResourceName resource)
    {
        resource = default;
        ArgumentNullException.ThrowIfNull(name);
        string[] parts = name.Split('/');
        int start = 0;
        int instanceEnd = -1;
        if (isUpload)
        {
            instanceEnd = start = Array.IndexOf(parts, Uploads);
            if (start < 0 || start + 1 >= parts.Length || !Guid.TryParse(parts[start + 1], out _))
            {
                return false;
            }

            start += 2;
        }

        // An instance name may have any number of components, but none of the API's own words.
        int kind = Array.FindIndex(parts, start, part => part is Blobs or CompressedBlobs);
        if (kind < 0 || (isUpload && kind != start))
        {
            return false;
        }

        bool isCompressed = parts[kind] == CompressedBlobs;
        int hash = isCompressed ? kind + 2 : kind + 1;
        if (hash + 1 >= parts.Length
            || (isCompressed && parts[kind + 1] != Zstd)
            || (!isUpload && hash + 2 != parts.Length)
            || !long.TryParse(parts[hash + 1], NumberStyles.None, CultureInfo.InvariantCulture, out long size)
            || !Digest.TryParse(parts[hash], size, out Digest digest))
        {
            return false;
        }

        resource = new BlobResourceName(digest, isCompressed) { InstanceName = string.Join('/', parts[..(isUpload ? instanceEnd : kind)]) };
        return true;
    }
}
