using Google.Protobuf;
using Repr.Requester.Actions;
using Repr.Requester.Door;
using Wire = Repr.Protocol.V1;

namespace Repr.Cli.Exec;

/// <summary>
/// This process's standard input: the tool gets it, except when it is a console, with --no-stdin, and for compilers. What was read is kept
/// for a local run, up to 1 MiB. Not safe for concurrent use.
/// </summary>
internal sealed class StandardInput(ExecOptions options) : IDisposable
{
    private const int ChunkBytes = 1 << 16; // as door.proto has it
    private const int MaximumKept = 1 << 20;

    private readonly Stream _stream = Console.OpenStandardInput();
    private readonly MemoryStream _kept = new();
    private readonly byte[] _chunk = new byte[ChunkBytes];
    private Task<int>? _reading; // into the chunk; started, and nobody has had its bytes
    private bool _hasEnded;

    /// <summary>The tool gets it.</summary>
    public bool IsTaken { get; } = Console.IsInputRedirected && !options.NoStandardInput && !ProgramNames.IsCompiler(options.Command is [var program, ..] ? program : "");

    /// <summary>A local run gets nothing from it.</summary>
    public bool IsEmpty => options.NoStandardInput;

    /// <summary>Something of it was read and is not kept.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Something of it was read: a local run needs <see cref="CopyAsync"/>.</summary>
    public bool WasRead => _kept.Length > 0 || _hasEnded || _reading is not null;

    /// <summary>Sends all of it to the tool; again what was kept of an earlier time.</summary>
    public async Task ForwardAsync(Stream door, CancellationToken cancellationToken)
    {
        if (!IsTaken)
        {
            return;
        }

        // Reading a console's or a pipe's handle cannot be cancelled: what it still gets is kept for a local run.
        try
        {
            for (int sent = 0; sent < _kept.Length;)
            {
                int length = Math.Min(ChunkBytes, (int)_kept.Length - sent);
                await SendAsync(door, _kept.GetBuffer().AsMemory(sent, length), cancellationToken);
                sent += length;
            }

            while (!_hasEnded)
            {
                int length = await ReadAsync(cancellationToken);
                _hasEnded = length == 0;
                Keep(_chunk.AsSpan(0, length));
                if (length > 0)
                {
                    await SendAsync(door, _chunk.AsMemory(0, length), cancellationToken);
                }
            }

            await DoorClient.SendAsync(door, new Wire.ToolInput { End = true }, cancellationToken);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The tool has ended, or cannot be reached; a local run has all of it from the start.
        }
    }

    /// <summary>Gives what was read, and then the rest, to a local run.</summary>
    public async Task CopyAsync(Stream target, CancellationToken cancellationToken)
    {
        await target.WriteAsync(_kept.GetBuffer().AsMemory(0, (int)_kept.Length), cancellationToken);
        while (!_hasEnded)
        {
            int length = await ReadAsync(cancellationToken);
            _hasEnded = length == 0;
            await target.WriteAsync(_chunk.AsMemory(0, length), cancellationToken);
            await target.FlushAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _kept.Dispose();
        _stream.Dispose();
    }

    private static Task SendAsync(Stream door, ReadOnlyMemory<byte> data, CancellationToken cancellationToken) =>
        DoorClient.SendAsync(door, new Wire.ToolInput { Data = ByteString.CopyFrom(data.Span) }, cancellationToken);

    // Cancelled, it leaves its read to the next caller.
    private async Task<int> ReadAsync(CancellationToken cancellationToken)
    {
        _reading ??= Task.Run(() => _stream.Read(_chunk, 0, _chunk.Length), CancellationToken.None);
        int length = await _reading.WaitAsync(cancellationToken);
        _reading = null;
        return length;
    }

    private void Keep(ReadOnlySpan<byte> data)
    {
        IsLost |= _kept.Length + data.Length > MaximumKept;
        if (!IsLost)
        {
            _kept.Write(data);
        }
    }
}
