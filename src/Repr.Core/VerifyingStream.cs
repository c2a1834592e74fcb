using System.Security.Cryptography;

namespace Repr;

/// <summary>
/// Passes a stream on and fails, before its end is told, when the content is not what the digest says. So a reader that saw the end
/// has seen exactly the blob, and a writer that copies it can't finish with anything else. Read-only and forward-only; the length
/// is known. Not safe for concurrent use. The inner stream is disposed with it unless it was left open.
/// </summary>
internal sealed class VerifyingStream(Stream inner, Digest digest, string source, bool leaveOpen) : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _position;
    private bool _verified;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => digest.SizeBytes;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        int read = inner.Read(buffer);
        Check(buffer[..read], buffer.Length);
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read = await inner.ReadAsync(buffer, cancellationToken);
        Check(buffer.Span[..read], buffer.Length);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            if (!leaveOpen)
            {
                inner.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private void Check(ReadOnlySpan<byte> read, int asked)
    {
        if (asked == 0)
        {
            return;
        }

        _position += read.Length;
        if (_position > digest.SizeBytes)
        {
            throw Corrupt($"it is longer than {digest.SizeBytes} bytes");
        }

        if (read.IsEmpty && _position < digest.SizeBytes)
        {
            throw Corrupt($"it ends after {_position} bytes");
        }

        _hash.AppendData(read);
        if (_position == digest.SizeBytes && !_verified)
        {
            // Before the last bytes are handed on: who has them all may take them for the blob.
            Digest actual = Digest.Finish(_hash, _position);
            if (actual != digest)
            {
                throw Corrupt($"its SHA-256 is {actual.HashText}");
            }

            _verified = true;
        }
    }

    private ReprException Corrupt(string why) =>
        new(ReprErrorCode.Corrupt, $"The content {source} is not blob {digest}: {why}. Send the blob again.");
}
