using Google.Protobuf;
using Repr.Protocol.V1;
using Repr.Server.Reapi;

namespace Repr.Server.Results;

/// <summary>An index of this worker alone, as files of one directory: see protos/repr/v1/results.proto.</summary>
/// <param name="files">The files; nobody else writes them.</param>
internal sealed class DiskResultIndex(ResultFiles files) : IResultIndex, IDisposable
{
    private const int MaximumPathSets = 16;
    private const int MaximumResults = 8;

    // A command is read, changed and written by one at a time.
    private readonly SemaphoreSlim _changing = new(1);

    /// <inheritdoc/>
    public async Task<CommandEntry?> FindCommandAsync(Digest weak, CancellationToken cancellationToken) =>
        await ReadAsync(weak, KnownCommand.Parser, cancellationToken) is { } command
            ? new CommandEntry(
                [.. command.PathSets.Select(static known => new KnownPathSet(Fingerprint.FromBytes(known.PathSet), [.. known.Results.Select(Fingerprint.FromBytes)]))],
                command.NotRepeatableUnixMs == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(command.NotRepeatableUnixMs))
            : null;

    /// <inheritdoc/>
    public async Task<PathSet?> FindPathSetAsync(Digest id, CancellationToken cancellationToken) =>
        await files.TryReadAsync(id, cancellationToken) is { Length: > 0 } bytes ? PathSet.TryParse(bytes) : null;

    /// <inheritdoc/>
    public Task<KnownResult?> FindResultAsync(Digest strong, CancellationToken cancellationToken) =>
        ReadAsync(strong, KnownResult.Parser, cancellationToken);

    /// <inheritdoc/>
    public async Task AddAsync(
        Digest weak, Digest pathSetId, PathSet paths, Digest strong, KnownResult result, CancellationToken cancellationToken)
    {
        // What is named is there before its name is.
        if (await files.TryReadAsync(pathSetId, cancellationToken) is null)
        {
            await files.WriteAsync(pathSetId, paths.ToBytes(), cancellationToken);
        }

        await files.WriteAsync(strong, result.ToByteArray(), cancellationToken);
        await PutFirstAsync(weak, pathSetId, strong, replacesMark: true, cancellationToken);
    }

    /// <inheritdoc/>
    public Task UseAsync(Digest weak, Digest pathSetId, Digest strong, CancellationToken cancellationToken) =>
        PutFirstAsync(weak, pathSetId, strong, replacesMark: false, cancellationToken);

    /// <inheritdoc/>
    public async Task ForgetAsync(Digest strong, CancellationToken cancellationToken)
    {
        if (await FindResultAsync(strong, cancellationToken) is not null)
        {
            await files.WriteAsync(strong, [], cancellationToken); // what has no bytes is no result
        }
    }

    // A command may be found not repeatable while a result of it is given: that one does not come back.
    private async Task PutFirstAsync(Digest weak, Digest pathSetId, Digest strong, bool replacesMark, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            KnownCommand command = await ReadAsync(weak, KnownCommand.Parser, cancellationToken) ?? new KnownCommand();
            ByteString id = Fingerprint.ToBytes(pathSetId);
            ByteString result = Fingerprint.ToBytes(strong);
            if (command.NotRepeatableUnixMs != 0 && !replacesMark)
            {
                return;
            }

            if (command.NotRepeatableUnixMs == 0
                && command.PathSets.FirstOrDefault() is { Results: [ByteString first, ..] } known
                && known.PathSet.Equals(id)
                && first.Equals(result))
            {
                return;
            }

            KnownPaths moved = command.PathSets.FirstOrDefault(known => known.PathSet.Equals(id)) ?? new KnownPaths { PathSet = id };
            command.PathSets.Remove(moved);
            moved.Results.Remove(result);
            moved.Results.Insert(0, result);
            KnownCommand changed = new();
            changed.PathSets.Add(moved);
            changed.PathSets.AddRange(command.PathSets.Take(MaximumPathSets - 1));
            while (moved.Results.Count > MaximumResults)
            {
                moved.Results.RemoveAt(MaximumResults);
            }

            await files.WriteAsync(weak, changed.ToByteArray(), cancellationToken);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <inheritdoc/>
    public async Task RefuseAsync(Digest weak, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            // Its results stay until they are the least recently used; nothing leads to them any more.
            await files.WriteAsync(weak, new KnownCommand { NotRepeatableUnixMs = now.ToUnixTimeMilliseconds() }.ToByteArray(), cancellationToken);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _changing.Dispose();

    private async Task<TMessage?> ReadAsync<TMessage>(Digest name, MessageParser<TMessage> parser, CancellationToken cancellationToken)
        where TMessage : class, IMessage<TMessage>
    {
        try
        {
            return await files.TryReadAsync(name, cancellationToken) is { Length: > 0 } bytes ? parser.ParseFrom(bytes) : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}
