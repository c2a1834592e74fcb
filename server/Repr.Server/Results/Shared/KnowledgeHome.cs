using Google.Protobuf;
using Repr.Protocol.V1;
using Repr.Server.Reapi;

namespace Repr.Server.Results.Shared;

/// <summary>What this worker keeps for its farm: one message for each name, on its disk, bounded as its own results are. Safe for concurrent use.</summary>
/// <param name="files">The files; nobody else writes those that are named so.</param>
/// <param name="time">The clock.</param>
internal sealed class KnowledgeHome(ResultFiles files, TimeProvider time) : IDisposable
{
    // A message is read, changed and written by one at a time.
    private readonly SemaphoreSlim _changing = new(1);

    /// <summary>Reads what is known; null: nothing.</summary>
    public async Task<Knowledge?> FindAsync(Digest name, CancellationToken cancellationToken)
    {
        try
        {
            return await files.TryReadAsync(name, cancellationToken) is { Length: > 0 } bytes ? Knowledge.Parser.ParseFrom(bytes) : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    /// <summary>Adds what a worker has learned.</summary>
    /// <returns>What was found out by comparing.</returns>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Exhausted"/>: it cannot be kept.</exception>
    public async Task<IReadOnlyList<Finding>> AddAsync(Digest name, Knowledge told, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            Knowledge? before = await FindAsync(name, cancellationToken);
            (Knowledge known, IReadOnlyList<Finding> findings) = KnowledgeMerge.Merge(before, told, time.GetUtcNow());
            if (!known.Equals(before))
            {
                await files.WriteAsync(name, known.ToByteArray(), cancellationToken);
            }

            return findings;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _changing.Dispose();
}
