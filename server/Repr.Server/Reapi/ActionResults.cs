using System.Security.Cryptography;
using Google.Protobuf;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;

namespace Repr.Server.Reapi;

/// <summary>
/// Results of actions of the Remote Execution API by the digest of the action. A result is a file named by its action's hash: the SHA-256
/// of the message, then the message. It is found only while every blob that it names is in the store. Safe for concurrent use.
/// </summary>
internal sealed class ActionResults(ILocalContentStore store, string directory)
{
    /// <summary>The result of an action; null when there is none, or not all of its blobs are here.</summary>
    public async Task<ReapiActionResult?> FindAsync(Digest action, CancellationToken cancellationToken) =>
        await TryReadAsync(FileOf(action), cancellationToken) is { } result && await IsCompleteAsync(result, cancellationToken) ? result : null;

    /// <summary>Keeps a result, in place of an earlier one.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: it names what is no digest.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public async Task PutAsync(Digest action, ReapiActionResult result, CancellationToken cancellationToken)
    {
        foreach (Protocol.Reapi.Digest digest in NamedIn(result))
        {
            digest.ToCore();
        }

        await WriteAsync(FileOf(action), result.ToByteArray(), cancellationToken);
    }

    private static IEnumerable<Protocol.Reapi.Digest> NamedIn(ReapiActionResult result) =>
    [
        .. result.OutputFiles.Select(static file => file.Digest ?? new()),
        .. result.OutputDirectories.Select(static tree => tree.TreeDigest ?? new()),
        .. new[] { result.StdoutDigest, result.StderrDigest }.OfType<Protocol.Reapi.Digest>(),
    ];

    private static async ValueTask<ReapiActionResult?> TryReadAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            // A crash may leave a renamed file empty, and no bytes at all are a valid message: a success without outputs.
            byte[] bytes = await File.ReadAllBytesAsync(file, cancellationToken);
            ReadOnlySpan<byte> message = bytes.AsSpan(Math.Min(bytes.Length, SHA256.HashSizeInBytes));
            return bytes.AsSpan(0, bytes.Length - message.Length).SequenceEqual(SHA256.HashData(message))
                ? ReapiActionResult.Parser.ParseFrom(message)
                : null;
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException or InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private static async ValueTask WriteAsync(string file, byte[] content, CancellationToken cancellationToken)
    {
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        string temporary = $"{file}.{Guid.NewGuid():N}.tmp";
        try
        {
            await File.WriteAllBytesAsync(temporary, [.. SHA256.HashData(content), .. content], cancellationToken);
            File.Move(temporary, file, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private string FileOf(Digest action) => Path.Combine(directory, action.HashText);

    private async ValueTask<bool> IsCompleteAsync(ReapiActionResult result, CancellationToken cancellationToken)
    {
        List<Protocol.Reapi.Digest> named = [.. NamedIn(result)];
        foreach (OutputDirectory output in result.OutputDirectories)
        {
            if (await TryReadTreeAsync(output.TreeDigest.ToCore(), cancellationToken) is not { } tree)
            {
                return false;
            }

            named.AddRange(tree.Children.Append(tree.Root ?? new()).SelectMany(node => node.Files).Select(file => file.Digest));
        }

        return (await store.FindMissingAsync([.. named.Select(ReapiConversions.ToCore)], cancellationToken)).Count == 0;
    }

    private async ValueTask<Tree?> TryReadTreeAsync(Digest digest, CancellationToken cancellationToken)
    {
        await using Stream? content = await store.OpenAsync(digest, cancellationToken);
        if (content is null)
        {
            return null;
        }

        using MemoryStream bytes = new();
        await content.CopyToAsync(bytes, cancellationToken);
        try
        {
            return Tree.Parser.ParseFrom(bytes.ToArray());
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}
