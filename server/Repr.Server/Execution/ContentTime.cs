using System.Buffers.Binary;

namespace Repr.Server.Execution;

/// <summary>
/// Times of change for tools that remember files by path and time, as compilers' servers do: the same content has the same time, other
/// content another, and what is not known a time that never was and never will be.
/// </summary>
internal static class ContentTime
{
    private const long Tick = 100; // ns: the finest that .NET tells apart
    private const long FirstNs = 946_684_800L * 1_000_000_000; // 2000-01-01
    private const long FirstUnknownNs = 1_893_456_000L * 1_000_000_000; // 2030-01-01

    private static long s_unknown;

    /// <summary>The time of a file, in ns since 1970.</summary>
    /// <param name="content">Its content, if that is known.</param>
    public static long Of(Digest? content)
    {
        if (content is not { } digest)
        {
            return FirstUnknownNs + (Interlocked.Increment(ref s_unknown) * Tick);
        }

        Span<byte> hash = stackalloc byte[Digest.HashLength];
        digest.CopyHashTo(hash);
        return FirstNs + ((long)(BinaryPrimitives.ReadUInt64LittleEndian(hash) % ((FirstUnknownNs - FirstNs) / Tick)) * Tick);
    }
}
