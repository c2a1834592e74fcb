namespace Repr.Server.Execution;

/// <summary>Remembers what a tool looked at, in the order of first use, each path with the strongest use. Safe for concurrent use.</summary>
internal sealed class ObservedInputs
{
    private readonly Lock _lock = new();
    private readonly Dictionary<VirtualPath, int> _positions = [];
    private readonly List<ObservedInput> _inputs = [];
    private readonly Dictionary<VirtualPath, ObservedKind> _private = [];

    /// <summary>
    /// What the tool knows is from what it looked at, and from nothing else: it began with an empty memory. False until somebody says so.
    /// </summary>
    public bool IsAll { get; set; }

    /// <summary>Notes one use.</summary>
    /// <param name="path">What was looked at.</param>
    /// <param name="kind">How.</param>
    /// <param name="isPrivate">The answer is the worker's own affair, and of no use for a prediction.</param>
    public void Note(VirtualPath path, ObservedKind kind, bool isPrivate = false)
    {
        lock (_lock)
        {
            if (isPrivate)
            {
                if (_private.GetValueOrDefault(path, ObservedKind.Stated) == ObservedKind.Stated)
                {
                    _private[path] = kind;
                }
            }
            else if (!_positions.TryGetValue(path, out int position))
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

    /// <summary>A copy of what was noted below private directories so far.</summary>
    public IReadOnlyList<ObservedInput> ToPrivateList()
    {
        lock (_lock)
        {
            return [.. _private.Select(input => new ObservedInput(input.Key, input.Value))];
        }
    }
}
