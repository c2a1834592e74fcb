using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Security;
using CoreDigest = Repr.Digest;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;

namespace Repr.Server.Services;

/// <summary>
/// Results of actions by the digest of the action, for clients that use the worker as a remote cache. A result is a file named by
/// its action's hash: the SHA-256 of the message, then the message. It is found only while every blob that it names is in the store.
/// </summary>
internal sealed class ActionCacheService(ILocalContentStore store, string directory) : ActionCache.ActionCacheBase
{
    /// <inheritdoc/>
    [Authorize(Policies.Read)]
    public override async Task<ReapiActionResult> GetActionResult(GetActionResultRequest request, ServerCallContext context)
    {
        try
        {
            request.DigestFunction.RequireSha256();
            CoreDigest action = request.ActionDigest.ToCore();
            return await TryReadAsync(FileOf(action), context.CancellationToken) is { } result
                && await IsCompleteAsync(result, context.CancellationToken)
                    ? result
                    : throw new RpcException(new Grpc.Core.Status(
                        StatusCode.NotFound, $"There is no result for the action {action}, or not all of its blobs are here."));
        }
        catch (ReprException failure)
        {
            throw failure.ToRpc();
        }
    }

    /// <inheritdoc/>
    [Authorize(Policies.WriteResult)]
    public override async Task<ReapiActionResult> UpdateActionResult(UpdateActionResultRequest request, ServerCallContext context)
    {
        try
        {
            request.DigestFunction.RequireSha256();
            string file = FileOf(request.ActionDigest.ToCore());
            ReapiActionResult result = request.ActionResult ?? throw ReapiErrors.Invalid("The result of the action is missing.");
            foreach (Protocol.Reapi.Digest digest in NamedIn(result))
            {
                digest.ToCore();
            }

            await WriteAsync(file, result.ToByteArray(), context.CancellationToken);
            return result;
        }
        catch (ReprException failure)
        {
            throw failure.ToRpc();
        }
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

    private string FileOf(CoreDigest action) => Path.Combine(directory, action.HashText);

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

    private async ValueTask<Tree?> TryReadTreeAsync(CoreDigest digest, CancellationToken cancellationToken)
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
