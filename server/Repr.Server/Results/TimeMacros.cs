using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;

namespace Repr.Server.Results;

/// <summary>
/// Finds sources whose meaning changes with the clock: C's <c>__DATE__</c>, <c>__TIME__</c> and <c>__TIMESTAMP__</c>. What is compiled from
/// them is not the same the next time. A mention in a comment counts too. Safe for concurrent use.
/// </summary>
/// <param name="store">Where sources are.</param>
internal sealed class TimeMacros(ILocalContentStore store)
{
    private const int BlockBytes = 1 << 20;
    private const int Overlap = 16; // a name may lie across two blocks
    private const int MaximumRemembered = 200_000;
    private const int LookedForText = 1024;

    private readonly ConcurrentDictionary<Digest, Found> _found = new();

    [Flags]
    private enum Found
    {
        Nothing = 0,
        Clock = 1,
        Timestamp = 2,
    }

    /// <summary>Whether a source depends on the clock.</summary>
    /// <param name="source">Its content, in the store.</param>
    /// <param name="isClockFixed">The command fixes the clock by the variable SOURCE_DATE_EPOCH.</param>
    /// <returns>True also when the content can't be looked at.</returns>
    public bool Occur(Digest source, bool isClockFixed)
    {
        if (!_found.TryGetValue(source, out Found found))
        {
            if (Look(source) is not { } looked)
            {
                return true;
            }

            found = looked;
            if (_found.Count >= MaximumRemembered)
            {
                _found.Clear();
            }

            _found[source] = found;
        }

        return found.HasFlag(Found.Timestamp) || (found.HasFlag(Found.Clock) && !isClockFixed);
    }

    private Found? Look(Digest source)
    {
        if (source.SizeBytes == 0)
        {
            return Found.Nothing;
        }

        using SafeFileHandle? file = store.TryOpenFile(source);
        if (file is null)
        {
            return null;
        }

        byte[] bytes = System.Buffers.ArrayPool<byte>.Shared.Rent((int)Math.Min(source.SizeBytes, BlockBytes));
        try
        {
            Found found = Found.Nothing;
            for (long position = 0; position < source.SizeBytes;)
            {
                Span<byte> text = bytes.AsSpan(0, RandomAccess.Read(file, bytes, position));
                if (position == 0 && text[..Math.Min(text.Length, LookedForText)].Contains((byte)0))
                {
                    return Found.Nothing; // a program or a library
                }

                found |= text.IndexOf("__DATE__"u8) >= 0 || text.IndexOf("__TIME__"u8) >= 0 ? Found.Clock : Found.Nothing;
                found |= text.IndexOf("__TIMESTAMP__"u8) >= 0 ? Found.Timestamp : Found.Nothing;
                position += text.Length <= Overlap || position + text.Length >= source.SizeBytes ? Math.Max(text.Length, 1) : text.Length - Overlap;
            }

            return found;
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(bytes);
        }
    }
}
