using System.Diagnostics;
using Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>What one action asked, and what that cost. Safe for concurrent use.</summary>
internal sealed class QuestionLog
{
    private readonly Lock _lock = new();
    private readonly List<(ulong Id, string Path, TimeSpan Wait)> _questions = [];

    /// <summary>How many questions there were; one about many paths is one.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _questions.DistinctBy(static question => question.Id).Count();
            }
        }
    }

    /// <summary>How long the tool waited for each.</summary>
    public IReadOnlyList<TimeSpan> Waits
    {
        get
        {
            lock (_lock)
            {
                return [.. _questions.DistinctBy(static question => question.Id).Select(static question => question.Wait)];
            }
        }
    }

    /// <summary>Notes a question and for how long it was looked at here, the least that the tool waited.</summary>
    public void Note(ulong id, string path, long start)
    {
        lock (_lock)
        {
            _questions.Add((id, path, Stopwatch.GetElapsedTime(start)));
        }
    }

    /// <summary>The same for a question about many paths, for which nobody waited longer than for one.</summary>
    public void Note(ulong id, IEnumerable<string> paths, long start)
    {
        lock (_lock)
        {
            TimeSpan wait = Stopwatch.GetElapsedTime(start);
            foreach (string path in paths)
            {
                _questions.Add((id, path, wait));
                wait = TimeSpan.Zero; // the first path has all of it
            }
        }
    }

    /// <summary>Notes what the worker has measured, which has the way in it too.</summary>
    public void Note(IEnumerable<QuestionWait> waits)
    {
        Dictionary<ulong, float> measured = [];
        foreach (QuestionWait wait in waits.Where(static wait => float.IsFinite(wait.WaitMs) && wait.WaitMs >= 0))
        {
            measured[wait.QuestionId] = wait.WaitMs;
        }

        lock (_lock)
        {
            for (int index = 0; index < _questions.Count; index++)
            {
                if (measured.Remove(_questions[index].Id, out float ms))
                {
                    _questions[index] = _questions[index] with { Wait = TimeSpan.FromMilliseconds(Math.Min(ms, int.MaxValue)) };
                }
            }
        }
    }

    /// <summary>By path, in the order of the first question.</summary>
    public IReadOnlyList<AskedPath> ToPaths()
    {
        lock (_lock)
        {
            return
            [
                .. _questions
                    .GroupBy(static question => question.Path, StringComparer.Ordinal)
                    .Select(static path =>
                        new AskedPath(path.Key, path.Count(), Math.Round(path.Sum(question => question.Wait.TotalMilliseconds), 3))),
            ];
        }
    }
}
