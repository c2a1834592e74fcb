using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Win32.SafeHandles;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using ZstdSharp;
using Compressor = Repr.Protocol.Reapi.Compressor;
using ReapiStatus = Repr.Protocol.Reapi.Status;
using ZstdDecompressor = ZstdSharp.Decompressor;

namespace Repr.Requester.Content;

/// <summary>
/// Fetches content from one worker's store into files and checks it. What this machine has kept is not fetched again, and what the
/// worker has lost is looked for in the store that is shared with it. Safe for concurrent use.
/// </summary>
/// <param name="endpoint">The worker.</param>
/// <param name="channel">Its store.</param>
/// <param name="compress">Whether compressing pays (not on this machine's own loopback); done where the store can.</param>
/// <param name="kept">Content that was fetched before; null: none is kept.</param>
/// <param name="shared">A store that the worker puts its outputs into too; null: there is none.</param>
internal sealed class ContentDownloader(Uri endpoint, ReapiChannel channel, bool compress, IContentStore? kept, IContentStore? shared)
{
    private const int SmallBlobBytes = 1 << 20;
    private const int ParallelCalls = 4;
    private const int CopyBytes = 1 << 16;
    private const int MaximumEntryBytes = 16 << 20; // in memory
    private const int DigestsPerQuestion = 20_000;

    private readonly StoredOutputs? _kept = kept is null ? null : new StoredOutputs(kept);
    private readonly StoredOutputs? _shared = shared is null ? null : new StoredOutputs(shared);

    /// <summary>The worker.</summary>
    public Uri Endpoint => endpoint;

    private bool Compresses => compress && channel.HasZstd;

    private int SmallBlobLimit => Math.Min(SmallBlobBytes, channel.BatchBytes - BlobWriter.EntryOverhead);

    /// <summary>Fetches blobs. When it returns, each file has exactly the content of its digest.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.Corrupt"/>: a blob is missing or is not what its digest says. Else what the store reports.
    /// </exception>
    public async Task FetchAsync(IReadOnlyList<Download> downloads, TransferStatistics statistics, CancellationToken cancellationToken)
    {
        List<Download> filled = [];
        foreach (Download download in downloads.Where(download => download.Digest.SizeBytes > 0))
        {
            if (_kept is null || !await _kept.TryTakeAsync(download, cancellationToken))
            {
                filled.Add(download);
            }
        }

        ParallelOptions options = new() { MaxDegreeOfParallelism = ParallelCalls, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Batch(filled), options, async (batch, token) =>
        {
            try
            {
                await (batch.Count == 1 && batch[0].Digest.SizeBytes > SmallBlobLimit ? FetchStreamAsync(batch[0], token) : FetchBatchAsync(batch, token));
            }
            catch (ReprException exception) when (exception.Code == ReprErrorCode.Corrupt && _shared is not null)
            {
                if (!await TryTakeSharedAsync(batch, token))
                {
                    throw;
                }
            }

            foreach (Download download in batch)
            {
                statistics.Downloaded(download.Digest.SizeBytes);
                await KeepAsync(download, token);
            }
        });
    }

    /// <summary>Asks the worker which of these blobs it lacks. It keeps the others longer for that.</summary>
    /// <exception cref="ReprException">What the store reports.</exception>
    public async Task<IReadOnlyCollection<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        List<Digest> missing = [];
        foreach (Digest[] chunk in digests.Chunk(DigestsPerQuestion))
        {
            FindMissingBlobsRequest request = new() { DigestFunction = DigestFunction.Types.Value.Sha256 };
            request.BlobDigests.AddRange(chunk.Select(ReapiConversions.ToReapi));
            FindMissingBlobsResponse response = await ContentCalls.CallAsync(
                () => channel.Store.FindMissingBlobsAsync(request, cancellationToken: cancellationToken).ResponseAsync, cancellationToken);
            missing.AddRange(response.MissingBlobDigests.Select(ReapiConversions.ToCore));
        }

        return missing;
    }

    /// <summary>Fetches one small blob.</summary>
    /// <exception cref="ReprException">As of the other.</exception>
    public async Task<ByteString> FetchAsync(Digest digest, CancellationToken cancellationToken) =>
        (await ReadAsync([digest], cancellationToken))[digest];

    private async Task<bool> TryTakeSharedAsync(List<Download> batch, CancellationToken cancellationToken)
    {
        try
        {
            foreach (Download download in batch)
            {
                RandomAccess.SetLength(download.File, 0);
                if (!await _shared!.TryTakeAsync(download, cancellationToken))
                {
                    return false;
                }
            }

            return true;
        }
        catch (ReprException)
        {
            return false; // that the worker has lost it is the failure
        }
    }

    private async Task KeepAsync(Download download, CancellationToken cancellationToken)
    {
        if (kept is null)
        {
            return;
        }

        try
        {
            // The file stays open, and its position may be anywhere.
            await using FileStream content = new(new SafeFileHandle(download.File.DangerousGetHandle(), ownsHandle: false), FileAccess.Read, bufferSize: 0) { Position = 0 };
            await kept.PutAsync(download.Digest, content, cancellationToken);
        }
        catch (Exception exception) when (exception is ReprException or IOException or UnauthorizedAccessException)
        {
            // No space: it is fetched again the next time.
        }
    }

    private IEnumerable<List<Download>> Batch(IReadOnlyList<Download> downloads)
    {
        List<Download> batch = [];
        long bytes = 0;
        foreach (Download download in downloads)
        {
            long size = download.Digest.SizeBytes + BlobWriter.EntryOverhead;
            if (download.Digest.SizeBytes > SmallBlobLimit)
            {
                yield return [download];
                continue;
            }

            if (bytes + size > channel.BatchBytes)
            {
                yield return batch;
                batch = [];
                bytes = 0;
            }

            batch.Add(download);
            bytes += size;
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }

    private async Task FetchBatchAsync(List<Download> batch, CancellationToken cancellationToken)
    {
        ILookup<Digest, Download> wanted = batch.ToLookup(download => download.Digest);
        foreach ((Digest digest, ByteString data) in await ReadAsync([.. wanted.Select(group => group.Key)], cancellationToken))
        {
            foreach (Download download in wanted[digest])
            {
                await RandomAccess.WriteAsync(download.File, data.Memory, 0, cancellationToken);
            }
        }
    }

    // Small blobs, each checked.
    private async Task<IReadOnlyDictionary<Digest, ByteString>> ReadAsync(IReadOnlyList<Digest> digests, CancellationToken cancellationToken)
    {
        BatchReadBlobsRequest request = new() { DigestFunction = DigestFunction.Types.Value.Sha256 };
        request.Digests.AddRange(digests.Select(ReapiConversions.ToReapi));
        if (Compresses)
        {
            request.AcceptableCompressors.Add(Compressor.Types.Value.Zstd);
        }

        BatchReadBlobsResponse response = await ContentCalls.CallAsync(
            () => channel.Store.BatchReadBlobsAsync(request, cancellationToken: cancellationToken).ResponseAsync, cancellationToken);
        HashSet<Digest> wanted = [.. digests];
        Dictionary<Digest, ByteString> contents = [];
        foreach (BatchReadBlobsResponse.Types.Response blob in response.Responses)
        {
            Digest digest = blob.Digest.ToCore();
            if (blob.Status is ReapiStatus { Code: not 0 } status)
            {
                throw Lost(digest, status.Message);
            }

            if (!wanted.Contains(digest) || ContentOf(blob, digest) is not { } content || Digest.Compute(content.Span) != digest)
            {
                throw Damaged(digest);
            }

            contents[digest] = content;
        }

        return digests.FirstOrDefault(digest => !contents.ContainsKey(digest)) is { IsDefault: false } missing
            ? throw Lost(missing, "it was not in the answer")
            : contents;
    }

    private static ByteString? ContentOf(BatchReadBlobsResponse.Types.Response blob, Digest digest) => blob.Compressor switch
    {
        Compressor.Types.Value.Identity => blob.Data,
        Compressor.Types.Value.Zstd when digest.SizeBytes <= MaximumEntryBytes && ZstdBlobs.TryDecompress(blob.Data, (int)digest.SizeBytes, out ByteString? content) => content,
        _ => null,
    };

    private Task<bool> FetchStreamAsync(Download download, CancellationToken cancellationToken) => ContentCalls.CallAsync(
        async () =>
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using ZstdDecompressor? decompressor = Compresses ? new() : null;
            byte[] buffer = new byte[decompressor is null ? 0 : CopyBytes];
            ReadRequest request = new() { ResourceName = new BlobResourceName(download.Digest, IsCompressed: decompressor is not null).ToReadName() };
            using AsyncServerStreamingCall<ReadResponse> call = channel.Streams.Read(request, cancellationToken: cancellationToken);
            long offset = 0;
            while (await call.ResponseStream.MoveNext(cancellationToken))
            {
                ReadOnlyMemory<byte> data = call.ResponseStream.Current.Data.Memory;
                if (decompressor is null)
                {
                    await TakeAsync(data);
                    continue;
                }

                int written = buffer.Length;
                while (!data.IsEmpty || written == buffer.Length) // a full buffer may not have had room for all
                {
                    int consumed = Decompress(decompressor, data.Span, buffer, out written);
                    data = data[consumed..];
                    await TakeAsync(buffer.AsMemory(0, written));
                }
            }

            if (Digest.Finish(hash, offset) != download.Digest)
            {
                throw Damaged(download.Digest);
            }

            return true;

            async ValueTask TakeAsync(ReadOnlyMemory<byte> content)
            {
                if (offset + content.Length > download.Digest.SizeBytes)
                {
                    throw Damaged(download.Digest);
                }

                hash.AppendData(content.Span);
                await RandomAccess.WriteAsync(download.File, content, offset, cancellationToken);
                offset += content.Length;
            }

            int Decompress(ZstdDecompressor decompressor, ReadOnlySpan<byte> data, Span<byte> content, out int written)
            {
                try
                {
                    decompressor.UnwrapStream(data, content, out int consumed, out written);
                    return consumed > 0 || written > 0 || data.IsEmpty ? consumed : throw Damaged(download.Digest);
                }
                catch (ZstdException)
                {
                    throw Damaged(download.Digest);
                }
            }
        },
        cancellationToken);

    private static ReprException Damaged(Digest digest) =>
        new(ReprErrorCode.Corrupt, $"The worker's content store returned something else for blob {digest}.");

    private static ReprException Lost(Digest digest, string why) =>
        new(ReprErrorCode.Corrupt, $"The worker's content store has lost blob {digest}: {why}.");
}
