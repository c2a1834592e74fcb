using System.IO.Compression;
using Google.Protobuf;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>
/// A run as its client wrote it, without what differs from build to build, kept small: a compile names a few hundred files, most of them in a response file once more. Immutable.
/// </summary>
internal sealed class RememberedRun
{
    private const int Quality = 1; // a better one takes longer than what it is for
    private const int Window = 18; // 256 kB

    private readonly byte[] _packed;
    private readonly int _size;

    private RememberedRun(byte[] packed, int size)
    {
        _packed = packed;
        _size = size;
    }

    /// <summary>Bytes that it takes in memory.</summary>
    public int PackedBytes => _packed.Length;

    /// <summary>Remembers a run.</summary>
    public static RememberedRun Of(Wire.Run run)
    {
        Wire.Run lasting = run.Clone();
        CopyPassing(new Wire.Run(), lasting);
        byte[] message = lasting.ToByteArray();
        byte[] packed = new byte[BrotliEncoder.GetMaxCompressedLength(message.Length)];
        return BrotliEncoder.TryCompress(message, packed, out int length, Quality, Window)
            ? new RememberedRun(packed[..length], message.Length)
            : throw new InvalidOperationException("The longest that a compressed message may be was too short.");
    }

    /// <summary>The run; each call makes one.</summary>
    public Wire.Run ToRun()
    {
        byte[] message = new byte[_size];
        return BrotliDecoder.TryDecompress(_packed, message, out _)
            ? Wire.Run.Parser.ParseFrom(message)
            : throw new InvalidOperationException("A remembered run could not be unpacked.");
    }

    /// <summary>Whether a remembered run is the one that came.</summary>
    /// <param name="remembered">It becomes the same where it may differ.</param>
    /// <param name="run">The run that came.</param>
    public static bool IsSame(Wire.Run remembered, Wire.Run run)
    {
        CopyPassing(run, remembered);
        return remembered.Equals(run);
    }

    // What is not the same in each build, and has no say in what becomes of an action whose result is known.
    private static void CopyPassing(Wire.Run from, Wire.Run to)
    {
        to.BuildId = from.BuildId;
        to.TraceParent = from.TraceParent;
        to.GuessedInputs.Clear();
        to.GuessedInputs.Add(from.GuessedInputs);
    }
}
