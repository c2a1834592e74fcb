using System.Buffers.Binary;
using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Launcher;

/// <summary>Kinds of frames between a worker and a supervisor; the other side is <c>enum frame_kind</c> of launch.h.</summary>
internal enum FrameKind
{
    /// <summary>Carries the descriptor of the mounted /dev/fuse.</summary>
    Fuse = 'F',

    /// <summary>The sandbox is made, and waits for its tool.</summary>
    Ready = 'R',

    /// <summary>The tool has begun.</summary>
    Started = 'S',

    /// <summary>Text of the tool.</summary>
    StandardOutput = 'O',

    /// <summary>Text of the tool.</summary>
    StandardError = 'E',

    /// <summary>The tool was not started.</summary>
    Failed = '!',

    /// <summary>Bytes went into the tool's standard input.</summary>
    Taken = 'T',

    /// <summary>The whole sandbox is gone.</summary>
    Exited = 'X',

    /// <summary>The next world of a resident tool is made, or why not.</summary>
    Prepared = 'p',

    /// <summary>A resident tool sees another world, or why not. Carries a connection to it if one was wanted.</summary>
    Entered = 'n',

    /// <summary>Carries a connection to a resident tool, or says why not.</summary>
    Connected = 'c',

    /// <summary>For the tool's standard input. This and what follows is sent by the worker.</summary>
    Input = 'I',

    /// <summary>The tool's standard input ends.</summary>
    InputEnd = 'Z',

    /// <summary>A signal for the tool.</summary>
    Signal = 'K',

    /// <summary>The tool's terminal has another size.</summary>
    Resized = 'W',

    /// <summary>The next world of a resident tool is to be made.</summary>
    Prepare = 'P',

    /// <summary>A resident tool is to see the world that was made.</summary>
    Enter = 'N',

    /// <summary>A connection to a resident tool is wanted.</summary>
    Connect = 'C',
}

/// <summary>One frame; the data is valid until the next one is received.</summary>
internal readonly record struct Frame(FrameKind Kind, ReadOnlyMemory<byte> Data, SafeFileHandle? Descriptor);

/// <summary>
/// The connection to the supervisor of one sandbox. Its life is the sandbox's: closing it kills everything inside.
/// One thread at a time receives; <see cref="Kill"/> may be called by any.
/// </summary>
internal sealed class SandboxConnection(Socket socket) : IDisposable
{
    private const int HeaderLength = 8;
    private const int MaximumData = 1 << 20;

    private readonly byte[] _header = new byte[HeaderLength];
    private byte[] _data = new byte[1 << 16];

    /// <summary>Sends the request that starts the sandbox.</summary>
    /// <exception cref="SocketException">The launcher is gone.</exception>
    public async ValueTask SendAsync(byte[] request, CancellationToken cancellationToken)
    {
        for (int sent = 0; sent < request.Length;)
        {
            sent += await socket.SendAsync(request.AsMemory(sent), cancellationToken);
        }
    }

    /// <summary>Sends something for the running tool. One thread at a time.</summary>
    /// <exception cref="SocketException">The supervisor is gone.</exception>
    public ValueTask SendAsync(ToolInput input, CancellationToken cancellationToken)
    {
        switch (input)
        {
            case InputData data:
                byte[] frame = NewFrame(FrameKind.Input, data.Bytes.Length);
                data.Bytes.CopyTo(frame.AsMemory(HeaderLength));
                return SendAsync(frame, cancellationToken);
            case InputSignal signal:
                return SendAsync(FrameKind.Signal, [(uint)signal.Number], cancellationToken);
            case InputResize size:
                return SendAsync(FrameKind.Resized, [(uint)size.Rows, (uint)size.Columns], cancellationToken);
            default:
                return SendAsync(FrameKind.InputEnd, [], cancellationToken);
        }
    }

    /// <summary>Asks for an errand in a resident tool's sandbox. One at a time.</summary>
    /// <param name="kind">Which: <see cref="FrameKind.Prepare"/>, <see cref="FrameKind.Enter"/> or <see cref="FrameKind.Connect"/>.</param>
    /// <param name="what">As launch.h says.</param>
    /// <param name="cancellationToken">Stops the sending.</param>
    /// <exception cref="SocketException">The supervisor is gone.</exception>
    public ValueTask SendErrandAsync(FrameKind kind, string what, CancellationToken cancellationToken)
    {
        byte[] text = Encoding.UTF8.GetBytes(what);
        byte[] frame = NewFrame(kind, text.Length);
        text.CopyTo(frame.AsSpan(HeaderLength));
        return SendAsync(frame, cancellationToken);
    }

    /// <summary>Asks the supervisor to kill the sandbox; it still tells the end.</summary>
    public void Kill()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The supervisor is gone already, and the sandbox with it.
        }
    }

    /// <summary>True while the supervisor is there and has said nothing.</summary>
    public bool IsQuiet => !socket.Poll(0, SelectMode.SelectRead);

    /// <summary>Receives the next frame; null when the supervisor is gone.</summary>
    public async ValueTask<Frame?> ReceiveAsync()
    {
        SafeFileHandle? descriptor = null;
        if (!await FillAsync(_header, received => descriptor = received))
        {
            return null;
        }

        FrameKind kind = (FrameKind)BinaryPrimitives.ReadUInt32LittleEndian(_header);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(_header.AsSpan(sizeof(uint)));
        if (length > MaximumData)
        {
            return null;
        }

        if (_data.Length < length)
        {
            _data = new byte[length];
        }

        Memory<byte> data = _data.AsMemory(0, (int)length);
        return await FillAsync(data, null) ? new Frame(kind, data, descriptor) : null;
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    private static byte[] NewFrame(FrameKind kind, int length)
    {
        byte[] frame = new byte[HeaderLength + length];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)kind);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(sizeof(uint)), (uint)length);
        return frame;
    }

    private ValueTask SendAsync(FrameKind kind, ReadOnlySpan<uint> numbers, CancellationToken cancellationToken)
    {
        byte[] frame = NewFrame(kind, numbers.Length * sizeof(uint));
        for (int i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(HeaderLength + (i * sizeof(uint))), numbers[i]);
        }

        return SendAsync(frame, cancellationToken);
    }

    private async ValueTask<bool> FillAsync(Memory<byte> buffer, Action<SafeFileHandle>? onDescriptor)
    {
        while (buffer.Length > 0)
        {
            int received = LauncherNative.Receive(socket.SafeHandle, buffer.Span, out SafeFileHandle? descriptor);
            if (descriptor is not null)
            {
                onDescriptor?.Invoke(descriptor);
            }

            if (received > 0)
            {
                buffer = buffer[received..];
            }
            else if (received == 0)
            {
                return false;
            }
            else if (Marshal.GetLastPInvokeError() is int error && error is Errno.Again or Errno.Interrupted)
            {
                // An empty receive waits for data and takes none, so that a descriptor is never lost.
                await socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None);
            }
            else if (error == Errno.ConnectionReset)
            {
                return false;
            }
            else
            {
                throw new Win32Exception(error);
            }
        }

        return true;
    }
}
