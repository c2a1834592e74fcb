using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Repr.Requester.Files;

/// <summary>
/// The file of a <see cref="DigestCache"/>: fixed, checked records, appended. Only one process has it; a damaged tail is cut
/// off; a lost file costs hashing again and nothing else. Not safe for concurrent use.
/// </summary>
internal sealed class DigestCacheFile : IDisposable
{
    /// <summary>Bytes of one record: five numbers of 8 bytes, 32 bytes of SHA-256, 8 of reserve, 16 of check sum.</summary>
    public const int RecordLength = 96;

    private const int CheckedLength = 80;
    private const int MaximumRecords = 500_000;

    private readonly FileStream _file;

    private DigestCacheFile(FileStream file) => _file = file;

    /// <summary>Opens the file and hands out its records, oldest first; null when another process has it.</summary>
    public static DigestCacheFile? TryOpen(string path, Dictionary<DigestCacheKey, DigestCacheValue> entries)
    {
        FileStream file;
        try
        {
            // FileShare.None is flock(2): the lock ends with the process.
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, RecordLength * 256);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        DigestCacheFile result = new(file);
        int records = result.Load(entries);
        if (records > (2 * entries.Count) + 1024 || entries.Count > MaximumRecords)
        {
            result.Compact(entries);
        }

        return result;
    }

    /// <summary>Adds a record. It reaches the disk with the next <see cref="Flush"/>.</summary>
    public void Append(DigestCacheKey key, DigestCacheValue value)
    {
        Span<byte> record = stackalloc byte[RecordLength];
        Write(record, key, value);
        try
        {
            _file.Write(record);
        }
        catch (IOException)
        {
            // A full disk costs hashing again, not the build. A record that is cut in two ends what is read at the next start.
        }
    }

    /// <summary>Hands what was added to the system.</summary>
    public void Flush()
    {
        try
        {
            _file.Flush();
        }
        catch (IOException)
        {
            // As above.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Flush();
        try
        {
            _file.Dispose();
        }
        catch (IOException)
        {
            // As above.
        }
    }

    private int Load(Dictionary<DigestCacheKey, DigestCacheValue> entries)
    {
        Span<byte> record = stackalloc byte[RecordLength];
        int records = 0;
        while (_file.ReadAtLeast(record, RecordLength, false) == RecordLength && TryRead(record, out DigestCacheKey key, out DigestCacheValue value))
        {
            entries[key] = value;
            records++;
        }

        _file.SetLength((long)records * RecordLength);
        _file.Position = _file.Length;
        return records;
    }

    private void Compact(Dictionary<DigestCacheKey, DigestCacheValue> entries)
    {
        foreach (DigestCacheKey key in entries.Keys.Take(Math.Max(0, entries.Count - MaximumRecords)).ToList())
        {
            entries.Remove(key);
        }

        _file.SetLength(0);
        foreach ((DigestCacheKey key, DigestCacheValue value) in entries)
        {
            Append(key, value);
        }

        _file.Flush();
    }

    private static void Write(Span<byte> record, DigestCacheKey key, DigestCacheValue value)
    {
        record.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(record, key.Device);
        BinaryPrimitives.WriteUInt64LittleEndian(record[8..], key.Inode);
        BinaryPrimitives.WriteInt64LittleEndian(record[16..], value.Digest.SizeBytes);
        BinaryPrimitives.WriteInt64LittleEndian(record[24..], value.ModifiedNs);
        BinaryPrimitives.WriteInt64LittleEndian(record[32..], value.ChangedNs);
        value.Digest.CopyHashTo(record[40..]);
        Span<byte> sum = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(record[..CheckedLength], sum);
        sum[..(RecordLength - CheckedLength)].CopyTo(record[CheckedLength..]);
    }

    private static bool TryRead(ReadOnlySpan<byte> record, out DigestCacheKey key, out DigestCacheValue value)
    {
        key = default;
        value = default;
        Span<byte> sum = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(record[..CheckedLength], sum);
        long size = BinaryPrimitives.ReadInt64LittleEndian(record[16..]);
        if (!sum[..(RecordLength - CheckedLength)].SequenceEqual(record[CheckedLength..]) || size < 0)
        {
            return false;
        }

        key = new DigestCacheKey(BinaryPrimitives.ReadUInt64LittleEndian(record), BinaryPrimitives.ReadUInt64LittleEndian(record[8..]));
        value = new DigestCacheValue(
            new Digest(record.Slice(40, Digest.HashLength), size),
            BinaryPrimitives.ReadInt64LittleEndian(record[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(record[32..]));
        return true;
    }
}

/// <summary>Names a file, whatever its paths are.</summary>
/// <param name="Device">Device number.</param>
/// <param name="Inode">Inode number.</param>
internal readonly record struct DigestCacheKey(ulong Device, ulong Inode);

/// <summary>What a file was found to contain, and its times then.</summary>
/// <param name="Digest">Its content and length.</param>
/// <param name="ModifiedNs">mtime, nanoseconds since 1970 UTC.</param>
/// <param name="ChangedNs">ctime, nanoseconds since 1970 UTC.</param>
internal readonly record struct DigestCacheValue(Digest Digest, long ModifiedNs, long ChangedNs);
