namespace Repr.Requester.Farm;

/// <summary>
/// What could not begin before other actions had ended (one that read what another had written waits for it), and what memory each needed. A farm that
/// knows it gives the next slot to what the end of the build depends on. How long actions take is not learned here (<see cref="Placement.WorkHistory"/>). Of
/// this process only: it is learned anew in one build. Safe for concurrent use.
/// </summary>
internal sealed class WorkOrder
{
    private const int ActionsRemembered = 20_000;
    private const int FilesRemembered = 200_000;
    private const int MostTold = 10_000;
    private const double LongestAfter = 3600;
    private const double WorthTelling = 0.01;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Action> _actions = new(StringComparer.Ordinal);
    private readonly Dictionary<VirtualPath, Action> _writers = [];

    /// <summary>Notes how an action ended.</summary>
    /// <param name="key">Names it from build to build.</param>
    /// <param name="seconds">For how long it has a slot, as far as that is known; else 0.</param>
    /// <param name="memoryBytes">What it needed; 0: not known.</param>
    /// <param name="inputs">What it read, or may have.</param>
    /// <param name="outputs">What it wrote.</param>
    public void Note(string key, double seconds, long memoryBytes, IEnumerable<VirtualPath> inputs, IEnumerable<VirtualPath> outputs)
    {
        VirtualPath[] read = [.. inputs];
        lock (_lock)
        {
            if (!_actions.TryGetValue(key, out Action? action))
            {
                if (_actions.Count >= ActionsRemembered)
                {
                    return;
                }

                _actions[key] = action = new Action();
            }

            action.Seconds = seconds;
            action.MemoryBytes = memoryBytes;
            HashSet<Action> before = [.. read.Select(path => _writers.GetValueOrDefault(path)).OfType<Action>().Where(writer => writer != action)];
            foreach (Action earlier in action.Before.Where(earlier => !before.Contains(earlier)))
            {
                earlier.Followers.Remove(action);
                earlier.After = earlier.Followers.Values.DefaultIfEmpty().Max();
                Tell(earlier);
            }

            action.Before = before;
            foreach (VirtualPath path in outputs.TakeWhile(_ => _writers.Count < FilesRemembered))
            {
                _writers[path] = action;
            }

            Tell(action);
        }
    }

    /// <summary>
    /// What is expected of an action: how many seconds what waits for it takes, one after the other, and memory. 0: not known.
    /// </summary>
    public (double After, long MemoryBytes) Find(string key)
    {
        lock (_lock)
        {
            return _actions.TryGetValue(key, out Action? action) ? (action.After, action.MemoryBytes) : default;
        }
    }

    // Those before it learn what follows them, and so on as long as that is news. What writes its own inputs, through others, is a circle: it ends
    // at what no build takes.
    private static void Tell(Action first)
    {
        Queue<Action> changed = new([first]);
        HashSet<Action> queued = [first];
        for (int told = 0; told < MostTold && changed.TryDequeue(out Action? next); told++)
        {
            queued.Remove(next);
            foreach (Action earlier in next.Before)
            {
                double before = earlier.After;
                earlier.Followers[next] = Math.Min(LongestAfter, next.Seconds + next.After);
                earlier.After = earlier.Followers.Values.Max();
                if (Math.Abs(earlier.After - before) > WorthTelling && queued.Add(earlier))
                {
                    changed.Enqueue(earlier);
                }
            }
        }
    }

    private sealed class Action
    {
        public double Seconds { get; set; }

        public double After { get; set; }

        public long MemoryBytes { get; set; }

        public HashSet<Action> Before { get; set; } = [];

        public Dictionary<Action, double> Followers { get; } = [];
    }
}
