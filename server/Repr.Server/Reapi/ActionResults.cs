using Google.Protobuf;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;

namespace Repr.Server.Reapi;

/// <summary>
/// Results of actions of the Remote Execution API by the digest of the action. A result is found only while every blob that it names is in
/// the store. Safe for concurrent use.
/// </summary>
internal sealed class ActionResults(ILocalContentStore store, ResultFiles files)
{
    /// <summary>The result of an action; null when there is none, or not all of its blobs are here.</summary>
    public async Task<ReapiActionResult?> FindAsync(Digest action, CancellationToken cancellationToken) =>
        await files.TryReadAsync(action, cancellationToken) is { } message
        && TryParse(message) is { } result
        && await IsCompleteAsync(result, cancellationToken)
            ? result
            : null;

    /// <summary>Keeps a result, in place of an earlier one.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidRequest"/>: it names what is no digest. <see cref="ReprErrorCode.Exhausted"/>: it cannot be kept.
    /// </exception>
    public async Task PutAsync(Digest action, ReapiActionResult result, CancellationToken cancellationToken)
    {
        foreach (Protocol.Reapi.Digest digest in NamedIn(result))
        {
            digest.ToCore();
        }

        await files.WriteAsync(action, result.ToByteArray(), cancellationToken);
    }

    private static IEnumerable<Protocol.Reapi.Digest> NamedIn(ReapiActionResult result) =>
    [
        .. result.OutputFiles.Select(static file => file.Digest ?? new()),
        .. result.OutputDirectories.Select(static tree => tree.TreeDigest ?? new()),
        .. new[] { result.StdoutDigest, result.StderrDigest }.OfType<Protocol.Reapi.Digest>(),
    ];

    private static ReapiActionResult? TryParse(byte[] message)
    {
        try
        {
            return ReapiActionResult.Parser.ParseFrom(message);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private async ValueTask<bool> IsCompleteAsync(ReapiActionResult result, CancellationToken cancellationToken)
    {
        List<Protocol.Reapi.Digest> named = [.. NamedIn(result)];
        foreach (OutputDirectory output in result.OutputDirectories)
        {
            if (await store.TryReadMessageAsync(output.TreeDigest.ToCore(), Tree.Parser, cancellationToken) is not { } tree)
            {
                return false;
            }

            named.AddRange(tree.Children.Append(tree.Root ?? new()).SelectMany(node => node.Files).Select(file => file.Digest));
        }

        return (await store.FindMissingAsync([.. named.Select(ReapiConversions.ToCore)], cancellationToken)).Count == 0;
    }
}
