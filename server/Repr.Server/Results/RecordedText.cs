using Google.Protobuf;
using Repr.Protocol.V1;

namespace Repr.Server.Results;

/// <summary>Passes a tool's text on and remembers it, up to a bound. Used by one action; one call at a time.</summary>
/// <param name="text">Where it goes.</param>
internal sealed class RecordedText(IToolText text) : IToolText
{
    private const int MaximumBytes = 1 << 20;

    private readonly ToolText _recorded = new();
    private int _bytes;

    /// <summary>The text so far; null: it is too long to be kept.</summary>
    public ToolText? Text => _bytes <= MaximumBytes ? _recorded : null;

    /// <inheritdoc/>
    public ValueTask WriteAsync(bool isStandardError, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        _bytes = (int)Math.Min((long)_bytes + data.Length, int.MaxValue);
        if (_bytes <= MaximumBytes)
        {
            _recorded.Chunks.Add(new TextChunk { IsStderr = isStandardError, Data = ByteString.CopyFrom(data.Span) });
        }

        return text.WriteAsync(isStandardError, data, cancellationToken);
    }
}
