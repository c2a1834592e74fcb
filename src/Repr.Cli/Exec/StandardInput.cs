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
    private bool _hasEnded;

    /// <summary>The tool gets it.</summary>
    public bool IsTaken { get; } = Console.IsInputRedirected && !options.NoStandardInput && !ProgramNames.IsCompiler(options.Command is [var program, ..] ? program : "");

    /// <summary>A local run gets nothing from it.</summary>
    public bool IsEmpty => options.NoStandardInput;

    /// <summary>Something of it was read and is not kept.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Something of it was read: a local run needs <see cref="CopyAsync"/>.</summary>
    public bool WasRead => _kept.Length > 0 || _hasEnded;

    /// <summary>Sends all of it to the tool.</summary>
    public async Task ForwardAsync(Stream door, CancellationToken cancellationToken)
    {
        if (!IsTaken)
        {
            return;
        }

        // Reading a console's or a pipe's handle cannot be cancelled: the thread is left behind.
        byte[] chunk = new byte[ChunkBytes];
        try
        {
            while (!_hasEnded)
            {
                int length = await Task.Run(() => _stream.Read(chunk, 0, chunk.Length), cancellationToken).WaitAsync(cancellationToken);
                _hasEnded = length == 0;
                Keep(chunk.AsSpan(0, length));
                await DoorClient.SendAsync(
                    door, _hasEnded ? new Wire.ToolInput { End = true } : new Wire.ToolInput { Data = ByteString.CopyFrom(chunk, 0, length) }, cancellationToken);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The tool has ended without it; whether it took part of it is not known.
            IsLost |= exception is OperationCanceledException && !_hasEnded && _kept.Length > 0;
        }
    }

    /// <summary>Gives what was read, and then the rest, to a local run.</summary>
    public async Task CopyAsync(Stream target, CancellationToken cancellationToken)
    {
        await target.WriteAsync(_kept.GetBuffer().AsMemory(0, (int)_kept.Length), cancellationToken);
        if (!_hasEnded)
        {
            await _stream.CopyToAsync(target, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _kept.Dispose();
        _stream.Dispose();
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
