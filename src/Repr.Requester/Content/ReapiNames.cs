using System.Globalization;
using Reapi = Repr.Protocol.Reapi;

namespace Repr.Requester.Content;

/// <summary>Digests and resource names of the Remote Execution API v2. The instance name is empty.</summary>
internal static class ReapiNames
{
    /// <summary>Writes a digest.</summary>
    public static Reapi.Digest ToReapi(this Digest digest) => new() { Hash = digest.HashText, SizeBytes = digest.SizeBytes };

    /// <summary>Reads a digest.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: it is malformed.</exception>
    public static Digest ToCore(this Reapi.Digest? digest) => Digest.TryParse(digest?.Hash, digest?.SizeBytes ?? -1, out Digest result)
        ? result
        : throw new ReprException(ReprErrorCode.InvalidRequest, $"The content store answered with the malformed digest '{digest}'.");

    /// <summary>Resource to read from.</summary>
    public static string ToRead(Digest digest, bool isCompressed) =>
        isCompressed ? $"compressed-blobs/zstd/{digest}" : $"blobs/{digest}";

    /// <summary>Resource to write to.</summary>
    public static string ToWrite(Digest digest, bool isCompressed) =>
        string.Create(CultureInfo.InvariantCulture, $"uploads/{Guid.NewGuid():D}/{ToRead(digest, isCompressed)}");
}
