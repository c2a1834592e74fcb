using System.Text;

namespace Repr.Testing;

/// <summary>Keeps a tool's text.</summary>
public sealed class CollectedText : IToolText
{
    private readonly List<byte> _all = [];
    private readonly List<byte> _error = [];

    /// <summary>Called after each chunk.</summary>
    public Action<string>? OnText { get; set; }

    /// <summary>Both streams, in the order in which they came.</summary>
    public string All => Encoding.UTF8.GetString(_all.ToArray());

    /// <summary>Standard error alone.</summary>
    public string Error => Encoding.UTF8.GetString(_error.ToArray());

    /// <inheritdoc/>
    public ValueTask WriteAsync(bool isStandardError, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        _all.AddRange(data.Span);
        if (isStandardError)
        {
            _error.AddRange(data.Span);
        }

        OnText?.Invoke(Encoding.UTF8.GetString(data.Span));
        return ValueTask.CompletedTask;
    }
}
