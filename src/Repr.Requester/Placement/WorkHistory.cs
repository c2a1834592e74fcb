using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Repr.Requester.Actions;

namespace Repr.Requester.Placement;

/// <summary>What is expected of an action on a worker, in milliseconds.</summary>
/// <param name="Work">Set-up, tool and collecting.</param>
/// <param name="SetupMs">Of that, all but the tool.</param>
/// <param name="IsOwn">Learned from this action itself, and not from its like.</param>
internal readonly record struct ExpectedWork(DurationEstimate Work, double SetupMs, bool IsOwn)
{
    /// <summary>The tool.</summary>
    public double ToolMs => Math.Max(0, Work.MeanMs - SetupMs);
}

/// <summary>
/// How long actions took on workers, from build to build: each by its own name, by its family (the same command for other files) and all together, so that
/// something is expected of a new one too. Its file is read when something is asked for the first time, or is to be saved: where nobody asks, no build waits for it. One that
/// cannot be read or written costs nothing but what was learned. Safe for concurrent use.
/// </summary>
/// <param name="path">Where it is kept; null: nowhere.</param>
/// <param name="time">The clock.</param>
internal sealed class WorkHistory(string? path, TimeProvider time)
{
    private const int MaximumEntries = 50_000;
    private const int LikeCount = 4; // of a family, before something is expected of its next one
    private const int AnyCount = 8;
    private const string Any = "any";

    private static readonly TimeSpan s_saveEvery = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly List<Noted> _pending = []; // not among the entries yet
    private Dictionary<string, Entry>? _entries;
    private bool _isChanged;
    private long _savedAt = time.GetTimestamp();

    /// <summary>Notes a run that was one: not a known result.</summary>
    public void Note(ActionRequest request, ActionTimings timings)
    {
        double setup = timings.SetupMs + timings.CollectMs;
        double work = setup + timings.ToolMs;
        if (!double.IsFinite(work) || work < 0)
        {
            return;
        }

        lock (_lock)
        {
            _pending.Add(new Noted([OwnName(request), FamilyName(request), Any], work, setup));
            _isChanged = true;
            if (_pending.Count == MaximumEntries)
            {
                Read();
            }
        }
    }

    /// <summary>What is expected of an action; null: nothing yet.</summary>
    public ExpectedWork? Find(ActionRequest request)
    {
        lock (_lock)
        {
            Dictionary<string, Entry> entries = Read();
            return entries.TryGetValue(OwnName(request), out Entry own) ? own.ToExpected(isOwn: true)
                : entries.TryGetValue(FamilyName(request), out Entry family) && family.Work.Count >= LikeCount ? family.ToExpected(isOwn: false)
                : entries.TryGetValue(Any, out Entry any) && any.Work.Count >= AnyCount ? any.ToExpected(isOwn: false)
                : null;
        }
    }

    /// <summary>The mean of all, in milliseconds; 0: not known.</summary>
    public double MeanMs
    {
        get
        {
            lock (_lock)
            {
                return Read().GetValueOrDefault(Any).Work.MeanMs;
            }
        }
    }

    /// <summary>Writes it to its file if there is something new.</summary>
    /// <param name="atOnce">Also if that was done a moment ago.</param>
    public void Save(bool atOnce)
    {
        string[] lines;
        lock (_lock)
        {
            if (path is null || !_isChanged || (!atOnce && time.GetElapsedTime(_savedAt) < s_saveEvery))
            {
                return;
            }

            _isChanged = false;
            _savedAt = time.GetTimestamp();
            lines = [.. Read().Select(static pair => pair.Value.ToLine(pair.Key))];
        }

        string temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            File.WriteAllLines(temporary, lines);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The next build learns again.
        }
    }

    // Under the lock. All that was noted is among them.
    private Dictionary<string, Entry> Read()
    {
        _entries ??= Load(path);
        foreach (Noted noted in _pending)
        {
            foreach (string name in noted.Names)
            {
                if (_entries.TryGetValue(name, out Entry entry) || _entries.Count < MaximumEntries)
                {
                    _entries[name] = new Entry(entry.Work.With(noted.WorkMs), entry.Setup.With(noted.SetupMs));
                }
            }
        }

        _pending.Clear();
        return _entries;
    }

    private static string OwnName(ActionRequest request) => "own-" + Hash(request.LastingName);

    // What the client calls it begins with its tool, as in "Csc App.Core".
    private static string FamilyName(ActionRequest request) =>
        "family-" + Hash(request.Line?.Family ?? request.Description.Split(' ', 2)[0]);

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..24];

    private static Dictionary<string, Entry> Load(string? path)
    {
        Dictionary<string, Entry> entries = new(StringComparer.Ordinal);
        try
        {
            foreach (string line in path is not null && File.Exists(path) ? File.ReadLines(path).Take(MaximumEntries) : [])
            {
                if (Entry.TryParse(line, out string name, out Entry entry))
                {
                    entries[name] = entry;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // As far as it could be read.
        }

        return entries;
    }

    private sealed record Noted(string[] Names, double WorkMs, double SetupMs);

    private readonly record struct Entry(DurationEstimate Work, DurationEstimate Setup)
    {
        public ExpectedWork ToExpected(bool isOwn) => new(Work, Setup.MeanMs, isOwn);

        public string ToLine(string name) =>
            string.Create(CultureInfo.InvariantCulture, $"{name} {Work.Count} {Work.MeanMs:R} {Work.DeviationMs:R} {Setup.MeanMs:R} {Setup.DeviationMs:R}");

        public static bool TryParse(string line, out string name, out Entry entry)
        {
            string[] words = line.Split(' ');
            name = words[0];
            entry = default;
            if (words.Length != 6 || !int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out int count) || count < 1)
            {
                return false;
            }

            double[] values = [.. words.Skip(2).Select(static word => double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : double.NaN)];
            entry = new Entry(new DurationEstimate(values[0], values[1], count), new DurationEstimate(values[2], values[3], count));
            return values.All(static value => double.IsFinite(value) && value >= 0);
        }
    }
}
