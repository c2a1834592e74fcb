using Google.Protobuf;
using Repr.Protocol.V1;
using CoreDigest = Repr.Digest;
using CorePathSet = Repr.Server.Results.PathSet;

namespace Repr.Server.Results.Shared;

/// <summary>
/// What the farm knows, as an index to look into. Results that workers left differently are not in it. Immutable; safe for concurrent use.
/// </summary>
/// <param name="knowledge">What the home has said.</param>
internal sealed class KnownTogether(Knowledge knowledge) : IKnownResults
{
    private readonly Dictionary<ByteString, CorePathSet?> _pathSets = [];

    /// <inheritdoc/>
    public Task<CommandEntry?> FindCommandAsync(CoreDigest weak, CancellationToken cancellationToken)
    {
        ByteString command = Fingerprint.ToBytes(weak);
        RefusedCommand? refused = knowledge.Refused.FirstOrDefault(refused => refused.Command.Equals(command));
        List<KnownPathSet> sets = [];
        foreach (IGrouping<uint, SharedResult> ofSet in knowledge.Results
            .Where(result => result.Command.Equals(command) && result.PathSet < knowledge.PathSets.Count && !IsDisputed(result))
            .GroupBy(static result => result.PathSet))
        {
            byte[] bytes = knowledge.PathSets[(int)ofSet.Key].ToByteArray();
            CoreDigest id = CorePathSet.NameOf(bytes);
            _pathSets[Fingerprint.ToBytes(id)] = CorePathSet.TryParse(bytes);
            sets.Add(new KnownPathSet(id, [.. ofSet.Select(static result => Fingerprint.FromBytes(result.Strong))]));
        }

        return Task.FromResult<CommandEntry?>(
            new CommandEntry(sets, refused is null ? null : DateTimeOffset.FromUnixTimeMilliseconds(refused.SinceUnixMs)));
    }

    /// <inheritdoc/>
    public Task<CorePathSet?> FindPathSetAsync(CoreDigest id, CancellationToken cancellationToken) =>
        Task.FromResult(_pathSets.GetValueOrDefault(Fingerprint.ToBytes(id)));

    /// <inheritdoc/>
    public Task<KnownResult?> FindResultAsync(CoreDigest strong, CancellationToken cancellationToken)
    {
        ByteString name = Fingerprint.ToBytes(strong);
        return Task.FromResult(knowledge.Results.FirstOrDefault(result => result.Strong.Equals(name) && !IsDisputed(result))?.Result);
    }

    private bool IsDisputed(SharedResult result) => !KnowledgeMerge.Holds(result, knowledge.Results);
}
