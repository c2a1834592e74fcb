using Google.Protobuf;
using Repr.Farm;
using Repr.Protocol.V1;
using Repr.Server.Scheduling;
using WirePathSet = Repr.Protocol.V1.PathSet;

namespace Repr.Server.Results.Shared;

/// <summary>What a home has found out by comparing what workers told.</summary>
internal enum FindingKind
{
    /// <summary>The command leaves different things in the same world.</summary>
    NotRepeatable,

    /// <summary>Two workers left different things; which of them is right is not known.</summary>
    Disputed,

    /// <summary>One worker left something else than several others, who agree.</summary>
    OddWorker,
}

/// <summary>A finding.</summary>
/// <param name="Kind">What.</param>
/// <param name="Command">The weak fingerprint of the command.</param>
/// <param name="Strong">The fingerprint of the results; empty: all of the command.</param>
/// <param name="Workers">Those that differ: from each other, or from the others.</param>
/// <param name="Others">Those that agree; empty: nobody does.</param>
/// <param name="Differences">Paths of outputs that differ, for people.</param>
internal sealed record Finding(
    FindingKind Kind,
    ByteString Command,
    ByteString Strong,
    IReadOnlyList<string> Workers,
    IReadOnlyList<string> Others,
    IReadOnlyList<string> Differences)
{
    /// <summary>Tells the pool of workers that are odd. Of two that differ nobody knows which one is right, and a tool that is not repeatable is no worker's fault.</summary>
    public void Report(FarmNode farm)
    {
        foreach (string worker in Kind == FindingKind.OddWorker ? Workers : [])
        {
            farm.Report(new WorkerDifference(worker, Convert.ToHexStringLower(Strong.Span), Others));
        }
    }
}

/// <summary>
/// Puts together what workers know of the same commands. Results with one strong fingerprint must be the same: if they are not, two runs of one
/// worker say that the command is not repeatable, and of three workers the one that is alone is odd. Pure.
/// </summary>
internal sealed class KnowledgeMerge
{
    /// <summary>Results in one message.</summary>
    public const int MaximumResults = 16;

    /// <summary>Likely inputs in one message.</summary>
    public const int MaximumLikely = 2000;

    /// <summary>Longest message.</summary>
    public const int MaximumBytes = 1 << 20;

    private const uint HalvedAfter = 64;

    private static readonly TimeSpan s_refusedFor = TimeSpan.FromDays(7);

    private readonly List<(WirePathSet Paths, SharedResult Result)> _results;
    private readonly List<RefusedCommand> _refused;
    private readonly List<Finding> _findings = [];
    private readonly DateTimeOffset _now;

    private KnowledgeMerge(Knowledge known, DateTimeOffset now)
    {
        _now = now;
        _results = [.. Unfold(known)];
        _refused = [.. known.Refused.Where(refused => now - DateTimeOffset.FromUnixTimeMilliseconds(refused.SinceUnixMs) < s_refusedFor)];
    }

    /// <summary>Puts together.</summary>
    /// <param name="known">What is known; null: nothing.</param>
    /// <param name="told">What is new.</param>
    /// <param name="now">The time.</param>
    /// <returns>What is known now, and what was found on the way.</returns>
    public static (Knowledge Known, IReadOnlyList<Finding> Findings) Merge(Knowledge? known, Knowledge told, DateTimeOffset now)
    {
        known ??= new Knowledge();
        KnowledgeMerge merge = new(known, now);
        foreach (RefusedCommand refused in told.Refused.Where(refused => !merge.IsRefused(refused.Command)))
        {
            merge.Refuse(refused.Command, DateTimeOffset.FromUnixTimeMilliseconds(refused.SinceUnixMs), [], []);
        }

        foreach ((WirePathSet paths, SharedResult result) in Unfold(told).Reverse())
        {
            merge.Add(paths, result);
        }

        merge._results.RemoveAll(entry => told.FromHome && told.Disputed.Contains(entry.Result.Strong));
        return (merge.Fold(known, told), merge._findings);
    }

    private static IEnumerable<(WirePathSet Paths, SharedResult Result)> Unfold(Knowledge knowledge) => knowledge.Results
        .Where(result => result.PathSet < knowledge.PathSets.Count && result.Result is not null && result.Workers.Count > 0)
        .Select(result => (knowledge.PathSets[(int)result.PathSet], result));

    private bool IsRefused(ByteString command) => _refused.Any(refused => refused.Command.Equals(command));

    private void Add(WirePathSet paths, SharedResult told)
    {
        if (IsRefused(told.Command))
        {
            return;
        }

        SharedResult[] same = [.. Same(told)];
        SharedResult? agreeing = same.FirstOrDefault(known => known.Outcome.Equals(told.Outcome));
        SharedResult? other = same.FirstOrDefault(known => known != agreeing);
        if (same.FirstOrDefault(known => known != agreeing && known.Workers.Intersect(told.Workers, StringComparer.Ordinal).Any()) is { } itself)
        {
            Refuse(told.Command, _now, [.. told.Workers], Differences(itself.Result, told.Result));
            return;
        }

        told = told.Clone();
        bool isNews = agreeing is null || told.Workers.Except(agreeing.Workers, StringComparer.Ordinal).Any();
        if (agreeing is not null)
        {
            told.Workers.AddRange(agreeing.Workers.Except(told.Workers, StringComparer.Ordinal).ToArray());
            _results.RemoveAll(entry => entry.Result == agreeing);
        }

        _results.Insert(0, (paths, told));
        if (other is not null)
        {
            Judge(told, other, isNews);
        }
    }

    /// <summary>Whether a result is the one that holds: the only one of its fingerprint, or that of several workers against fewer.</summary>
    /// <param name="result">The result.</param>
    /// <param name="all">All that is known.</param>
    public static bool Holds(SharedResult result, IEnumerable<SharedResult> all) => all
        .Where(other => other.Strong.Equals(result.Strong) && !other.Outcome.Equals(result.Outcome))
        .All(other => result.Workers.Count > 1 && other.Workers.Count < result.Workers.Count);

    private void Judge(SharedResult told, SharedResult other, bool isNews)
    {
        SharedResult[] same = [.. Same(told).OrderByDescending(static result => result.Workers.Count)];
        if (Holds(same[0], same))
        {
            if (!isNews)
            {
                return;
            }

            // What the odd one left is kept, as it may leave something else the next time.
            string[] odd = [.. same.Skip(1).SelectMany(static result => result.Workers).Order(StringComparer.Ordinal)];
            IReadOnlyList<string> differences = Differences(same[0].Result, same[1].Result);
            _findings.Add(new Finding(FindingKind.OddWorker, told.Command, told.Strong, odd, [.. same[0].Workers], differences));
        }
        else if (same.Length > 2)
        {
            Refuse(told.Command, _now, [.. same.SelectMany(static result => result.Workers)], Differences(other.Result, told.Result));
        }
        else
        {
            string[] workers = [.. same.SelectMany(static result => result.Workers).Order(StringComparer.Ordinal)];
            _findings.Add(new Finding(FindingKind.Disputed, told.Command, told.Strong, workers, [], Differences(other.Result, told.Result)));
        }
    }

    private void Refuse(ByteString command, DateTimeOffset since, IReadOnlyList<string> workers, IReadOnlyList<string> differences)
    {
        _refused.Insert(0, new RefusedCommand { Command = command, SinceUnixMs = since.ToUnixTimeMilliseconds() });
        _results.RemoveAll(entry => entry.Result.Command.Equals(command));
        _findings.RemoveAll(finding => finding.Command.Equals(command));
        _findings.Add(new Finding(FindingKind.NotRepeatable, command, ByteString.Empty, workers, [], differences));
    }

    private IEnumerable<SharedResult> Same(SharedResult told) => _results
        .Select(static entry => entry.Result)
        .Where(known => known.Command.Equals(told.Command) && known.Strong.Equals(told.Strong));

    private static string[] Differences(KnownResult one, KnownResult other) =>
    [
        .. one.Outputs.Concat(other.Outputs)
            .Where(output => !one.Outputs.Contains(output) || !other.Outputs.Contains(output))
            .Select(static output => output.Path)
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal),
    ];

    private Knowledge Fold(Knowledge known, Knowledge told)
    {
        Knowledge folded = new();
        FoldLikely(known, told, folded);
        folded.Refused.AddRange(_refused.Take(MaximumResults));
        int bytes = folded.CalculateSize();
        Dictionary<WirePathSet, uint> positions = [];
        foreach ((WirePathSet paths, SharedResult result) in _results.Take(MaximumResults))
        {
            SharedResult kept = result.Clone();
            bool isNew = !positions.TryGetValue(paths, out uint position);
            bytes += kept.CalculateSize() + (isNew ? paths.CalculateSize() : 0) + 16;
            if (bytes > MaximumBytes)
            {
                break;
            }

            if (isNew)
            {
                position = (uint)folded.PathSets.Count;
                positions.Add(paths, position);
                folded.PathSets.Add(paths);
            }

            kept.PathSet = position;
            folded.Results.Add(kept);
        }

        return folded;
    }

    // What was told last comes first; what hardly any run looked at goes.
    private static void FoldLikely(Knowledge known, Knowledge told, Knowledge folded)
    {
        if (told.Likely.Count == 0)
        {
            folded.Likely.AddRange(known.Likely);
            folded.Runs = known.Runs;
            return;
        }

        Dictionary<(string, bool), LikelyInput> before = [];
        foreach (LikelyInput input in known.Likely)
        {
            before.TryAdd((input.Path, input.InSources), input);
        }

        List<LikelyInput> all = [];
        foreach (LikelyInput input in told.Likely)
        {
            LikelyInput now = input.Clone();
            now.Runs = 1;
            if (before.Remove((input.Path, input.InSources), out LikelyInput? earlier))
            {
                now.Runs += earlier.Runs;
                now.Kind = now.Kind == Protocol.V1.ObservedInput.Types.Kind.Stated ? earlier.Kind : now.Kind;
            }

            all.Add(now);
        }

        all.AddRange(known.Likely.Where(input => before.ContainsKey((input.Path, input.InSources))).Select(static input => input.Clone()));
        folded.Runs = known.Runs + 1;
        if (folded.Runs > HalvedAfter)
        {
            folded.Runs /= 2;
            all.ForEach(static input => input.Runs /= 2);
        }

        uint least = folded.Runs / 16; // as good as never
        folded.Likely.AddRange(all.Where(input => input.Runs > least || input.Runs == folded.Runs).Take(MaximumLikely));
    }
}
