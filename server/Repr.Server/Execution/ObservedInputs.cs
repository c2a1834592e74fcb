namespace Repr.Server.Execution;

/// <summary>Remembers what a tool looked at, in the order of first use, each path with the strongest use. Safe for concurrent use.</summary>
internal sealed class ObservedInputs
{
    private readonly Lock _lock = new();
    private readonly Dictionary<VirtualPath, int> _positions = [];
    private readonly List<ObservedInput> _inputs = [];

    /// <summary>Notes one use.</summary>
    public void Note(VirtualPath path, ObservedKind kind)
    {
        lock (_lock)
        {
            if (!_positions.TryGetValue(path, out int position))
            {
                _positions.Add(path, _inputs.Count);
                _inputs.Add(new ObservedInput(path, kind));
            }
            else if (_inputs[position].Kind == ObservedKind.Stated)
            {
                _inputs[position] = new ObservedInput(path, kind);
            }
        }
    }

    /// <summary>A copy of what has been noted so far.</summary>
    public IReadOnlyList<ObservedInput> ToList()
    {
        lock (_lock)
        {
            return [.. _inputs];
        }
    }
}
