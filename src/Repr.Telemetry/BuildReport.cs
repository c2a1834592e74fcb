namespace Repr.Telemetry;

/// <summary>Why actions had no remote verdict.</summary>
/// <param name="Code">As in "REPR1101"; empty when they were cancelled.</param>
/// <param name="Actions">How many.</param>
/// <param name="Message">What the last of them said.</param>
public sealed record LocalReason(string Code, int Actions, string Message);

/// <summary>A path that was not predicted, over all actions.</summary>
/// <param name="Path">Where.</param>
/// <param name="Questions">How often a worker asked about it.</param>
/// <param name="Actions">How many actions had to ask.</param>
/// <param name="LostMs">For how long their tools waited for the answers, in milliseconds.</param>
public sealed record MissedPrediction(string Path, int Questions, int Actions, double LostMs);

/// <summary>What one worker did.</summary>
/// <param name="Worker">Its id.</param>
/// <param name="Actions">Verdicts.</param>
/// <param name="ToolMs">Time of the tools, in milliseconds.</param>
public sealed record WorkerShare(string Worker, int Actions, double ToolMs);

/// <summary>Why results were not known.</summary>
/// <param name="Text">For people.</param>
/// <param name="Actions">Of how many actions.</param>
public sealed record CacheMissReason(string Text, int Actions);

/// <summary>An action that took long.</summary>
/// <param name="Description">What it was.</param>
/// <param name="TotalMs">From the request to the answer, in milliseconds.</param>
public sealed record SlowAction(string Description, double TotalMs);

/// <summary>Sums of times of all actions, in milliseconds; actions overlap.</summary>
/// <param name="TotalMs">From the request to the answer.</param>
/// <param name="UploadMs">Sending content.</param>
/// <param name="QueueMs">Waiting for a slot.</param>
/// <param name="ToolMs">The tools.</param>
/// <param name="QuestionsMs">Of that, waiting for answers.</param>
/// <param name="DownloadMs">Fetching and writing outputs.</param>
public sealed record ReportedTimes(double TotalMs, double UploadMs, double QueueMs, double ToolMs, double QuestionsMs, double DownloadMs);

/// <summary>A build record, added up. Immutable.</summary>
public sealed record BuildReport
{
    /// <summary>The record's name.</summary>
    public required string Build { get; init; }

    /// <summary>When the first action began.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>When the last ended.</summary>
    public required DateTimeOffset Ended { get; init; }

    /// <summary>Actions in all.</summary>
    public required int Actions { get; init; }

    /// <summary>With a remote verdict.</summary>
    public required int Remote { get; init; }

    /// <summary>Of those, the ones whose result was known: no tool ran.</summary>
    public required int Cached { get; init; }

    /// <summary>Of those, the ones for which no worker was asked.</summary>
    public required int Kept { get; init; }

    /// <summary>The time of the tools that did not run, in milliseconds.</summary>
    public required double CachedToolMs { get; init; }

    /// <summary>Actions whose result was looked for and not known.</summary>
    public required int CacheMisses { get; init; }

    /// <summary>Why, most frequent first.</summary>
    public required IReadOnlyList<CacheMissReason> MissReasons { get; init; }

    /// <summary>Without; they ran locally, or were errors.</summary>
    public required int NotRun { get; init; }

    /// <summary>Cancelled.</summary>
    public required int Cancelled { get; init; }

    /// <summary>Attempts beyond the first.</summary>
    public required long Retries { get; init; }

    /// <summary>Actions that were run a second time because they took long.</summary>
    public required int Raced { get; init; }

    /// <summary>Of those, the ones in which the second run was the faster one, or this machine took over.</summary>
    public required int RacesWon { get; init; }

    /// <summary>Why actions had no verdict, most frequent first.</summary>
    public required IReadOnlyList<LocalReason> Reasons { get; init; }

    /// <summary>Times.</summary>
    public required ReportedTimes Times { get; init; }

    /// <summary>Blobs sent.</summary>
    public required long UploadedFiles { get; init; }

    /// <summary>Their bytes.</summary>
    public required long UploadedBytes { get; init; }

    /// <summary>Blobs put into the store that is shared with the workers.</summary>
    public required long SharedFiles { get; init; }

    /// <summary>Their bytes.</summary>
    public required long SharedBytes { get; init; }

    /// <summary>Blobs fetched.</summary>
    public required long DownloadedFiles { get; init; }

    /// <summary>Their bytes.</summary>
    public required long DownloadedBytes { get; init; }

    /// <summary>Facts sent with actions.</summary>
    public required long Mapped { get; init; }

    /// <summary>Questions asked back.</summary>
    public required long Questions { get; init; }

    /// <summary>Paths that were asked for.</summary>
    public required int MissedPaths { get; init; }

    /// <summary>The worst of them: most time lost first.</summary>
    public required IReadOnlyList<MissedPrediction> Missed { get; init; }

    /// <summary>Who did it, busiest first.</summary>
    public required IReadOnlyList<WorkerShare> Workers { get; init; }

    /// <summary>The slowest first.</summary>
    public required IReadOnlyList<SlowAction> Slowest { get; init; }

    /// <summary>Traces of these actions.</summary>
    public required IReadOnlyList<string> Traces { get; init; }

    /// <summary>Adds up a record.</summary>
    /// <param name="path">The file.</param>
    /// <param name="top">How many paths and slow actions to name.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null when it has no action.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static async Task<BuildReport?> ReadAsync(string path, int top, CancellationToken cancellationToken)
    {
        List<ActionCompleted> actions = [];
        await foreach (string line in File.ReadLinesAsync(path, cancellationToken))
        {
            if (TelemetryJson.TryRead(line) is ActionCompleted action)
            {
                actions.Add(action);
            }
        }

        return actions.Count == 0 ? null : Make(Path.GetFileNameWithoutExtension(path), actions, top);
    }

    private static BuildReport Make(string build, List<ActionCompleted> actions, int top)
    {
        MissedPrediction[] missed =
        [
            .. actions.SelectMany(static action => action.Asked)
                .GroupBy(static asked => asked.Path, StringComparer.Ordinal)
                .Select(static path => new MissedPrediction(path.Key, path.Sum(asked => asked.Count), path.Count(), path.Sum(asked => asked.LostMs)))
                .OrderByDescending(static path => path.LostMs)
                .ThenByDescending(static path => path.Questions)
                .ThenBy(static path => path.Path, StringComparer.Ordinal),
        ];
        int CountOf(ActionOutcome outcome) => actions.Count(action => action.Outcome == outcome);
        return new BuildReport
        {
            Build = build,
            Started = actions.Min(static action => action.Time - TimeSpan.FromMilliseconds(action.TotalMs)),
            Ended = actions.Max(static action => action.Time),
            Actions = actions.Count,
            Remote = CountOf(ActionOutcome.Remote),
            Cached = actions.Count(static action => action.CachedToolMs is not null),
            Kept = actions.Count(static action => action.Kept == true),
            CachedToolMs = actions.Sum(static action => action.CachedToolMs ?? 0),
            CacheMisses = actions.Count(static action => action.CacheMiss is not null),
            MissReasons =
            [
                .. actions.Where(static action => action.CacheMiss is not null)
                    .GroupBy(static action => action.CacheMiss!, StringComparer.Ordinal)
                    .Select(static why => new CacheMissReason(why.Key, why.Count()))
                    .OrderByDescending(static why => why.Actions)
                    .ThenBy(static why => why.Text, StringComparer.Ordinal)
                    .Take(top),
            ],
            NotRun = CountOf(ActionOutcome.NotRun),
            Cancelled = CountOf(ActionOutcome.Cancelled),
            Retries = actions.Sum(static action => Math.Max(0L, (long)action.Attempts - 1)),
            Raced = actions.Count(static action => action.Race is not null),
            RacesWon = actions.Count(static action => action.Race is { Outcome: not RaceOutcome.Lost }),
            Reasons =
            [
                .. actions.Where(static action => action.Outcome == ActionOutcome.NotRun)
                    .GroupBy(static action => action.Code ?? "", StringComparer.Ordinal)
                    .Select(static code => new LocalReason(code.Key, code.Count(), code.Last().Message ?? ""))
                    .OrderByDescending(static reason => reason.Actions),
            ],
            Times = new ReportedTimes(
                actions.Sum(static action => action.TotalMs),
                actions.Sum(static action => action.UploadMs),
                actions.Sum(static action => action.QueueMs),
                actions.Sum(static action => action.ToolMs),
                actions.Sum(static action => action.Timings?.QuestionsMs ?? 0),
                actions.Sum(static action => action.DownloadMs)),
            UploadedFiles = actions.Sum(static action => action.UploadedFiles),
            UploadedBytes = actions.Sum(static action => action.UploadedBytes),
            SharedFiles = actions.Sum(static action => action.SharedFiles),
            SharedBytes = actions.Sum(static action => action.SharedBytes),
            DownloadedFiles = actions.Sum(static action => action.DownloadedFiles),
            DownloadedBytes = actions.Sum(static action => action.DownloadedBytes),
            Mapped = actions.Sum(static action => action.Mapped),
            Questions = actions.Sum(static action => action.AskedBack),
            MissedPaths = missed.Length,
            Missed = [.. missed.Take(top)],
            Workers =
            [
                .. actions.Where(static action => action.Outcome == ActionOutcome.Remote)
                    .GroupBy(static action => action.Worker, StringComparer.Ordinal)
                    .Select(static worker => new WorkerShare(worker.Key, worker.Count(), worker.Sum(action => action.ToolMs)))
                    .OrderByDescending(static worker => worker.Actions),
            ],
            Slowest =
            [
                .. actions.OrderByDescending(static action => action.TotalMs)
                    .Take(top)
                    .Select(static action => new SlowAction(action.Description, action.TotalMs)),
            ],
            Traces = [.. actions.Select(static action => action.TraceId).OfType<string>().Distinct()],
        };
    }
}
