using Google.Protobuf;
using Grpc.Core;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using CoreDigest = Repr.Digest;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;

namespace Repr.Server.Services;

/// <summary>
/// Results of actions by the digest of the action, for clients that use the worker as a remote cache. A result is a file named by
/// its action's hash. It is found only while every blob that it names is in the store.
/// </summary>
internal sealed class ActionCacheService(ILocalContentStore store, string directory) : ActionCache.ActionCacheBase
{
    /// <inheritdoc/>
    public override async Task<ReapiActionResult> GetActionResult(GetActionResultRequest request, ServerCallContext context)
    {
        try
        {
            CoreDigest action = request.ActionDigest.ToCore();
            ReapiActionResult result = ReapiActionResult.Parser.ParseFrom(await File.ReadAllBytesAsync(FileOf(action), context.CancellationToken));
            return await IsCompleteAsync(result, context.CancellationToken) ? result : throw ReapiErrors.NotFound(action);
        }
        catch (ReprException failure)
        {
            throw failure.ToRpc();
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException or InvalidProtocolBufferException)
        {
            throw new RpcException(new Grpc.Core.Status(StatusCode.NotFound, $"There is no result for the action {request.ActionDigest.Hash}."));
        }
    }

    /// <inheritdoc/>
    public override async Task<ReapiActionResult> UpdateActionResult(UpdateActionResultRequest request, ServerCallContext context)
    {
        try
        {
            string file = FileOf(request.ActionDigest.ToCore());
            string temporary = $"{file}.{Guid.NewGuid():N}.tmp";
            System.IO.Directory.CreateDirectory(directory);
            await File.WriteAllBytesAsync(temporary, request.ActionResult.ToByteArray(), context.CancellationToken);
            File.Move(temporary, file, overwrite: true);
            return request.ActionResult;
        }
        catch (ReprException failure)
        {
            throw failure.ToRpc();
        }
    }

    private string FileOf(CoreDigest action) => Path.Combine(directory, action.HashText);

    private async ValueTask<bool> IsCompleteAsync(ReapiActionResult result, CancellationToken cancellationToken)
    {
        List<Protocol.Reapi.Digest?> named =
        [
            .. result.OutputFiles.Select(file => file.Digest), .. result.OutputDirectories.Select(tree => tree.TreeDigest),
            result.StdoutDigest, result.StderrDigest,
        ];
        foreach (OutputDirectory directoryOutput in result.OutputDirectories)
        {
            await using Stream? content = await store.OpenAsync(directoryOutput.TreeDigest.ToCore(), cancellationToken);
            if (content is null)
            {
                return false;
            }

            using MemoryStream bytes = new();
            await content.CopyToAsync(bytes, cancellationToken);
            Tree tree = Tree.Parser.ParseFrom(bytes.ToArray());
            named.AddRange(tree.Children.Append(tree.Root ?? new()).SelectMany(node => node.Files).Select(file => file.Digest));
        }

        CoreDigest[] digests = [.. named.OfType<Protocol.Reapi.Digest>().Select(ReapiConversions.ToCore).Where(digest => digest.SizeBytes > 0)];
        return (await store.FindMissingAsync(digests, cancellationToken)).Count == 0;
    }
}
