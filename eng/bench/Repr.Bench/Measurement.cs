namespace Repr.Bench;

/// <summary>One line of the requester's build record, as far as the bench looks at it.</summary>
internal sealed record CompileRecord
{
    /// <summary>As in "Csc Depot.Model".</summary>
    public required string Description { get; init; }

    /// <summary>"remote", or why not.</summary>
    public required string Outcome { get; init; }

    /// <summary>Facts sent with the action.</summary>
    public required int Mapped { get; init; }

    /// <summary>Questions asked back.</summary>
    public required int AskedBack { get; init; }

    /// <summary>Blobs sent.</summary>
    public required int UploadedFiles { get; init; }

    /// <summary>Their bytes, uncompressed.</summary>
    public required long UploadedBytes { get; init; }

    /// <summary>Blobs fetched.</summary>
    public required int DownloadedFiles { get; init; }

    /// <summary>Their bytes, uncompressed.</summary>
    public required long DownloadedBytes { get; init; }

    /// <summary>Bytes of the Execute message.</summary>
    public required long RequestBytes { get; init; }

    /// <summary>Milliseconds from the task's request to its answer.</summary>
    public required double TotalMs { get; init; }

    /// <summary>Milliseconds of the tool.</summary>
    public required double ToolMs { get; init; }

    /// <summary>Milliseconds of the tool when the result was made that is given again; null: it was made now.</summary>
    public double? CachedToolMs { get; init; }

    /// <summary>The worker's own; null: there is no result.</summary>
    public WorkerTimings? Timings { get; init; }

    /// <summary>True: the requester itself had the result.</summary>
    public bool? Kept { get; init; }

    /// <summary>The result was known, and no tool ran.</summary>
    public bool Cached => CachedToolMs is not null;

    /// <summary>
    /// Round trips that follow from the record, at least: one for the action unless the requester had the result, one for each question, two (asking and
    /// sending) where blobs were sent, one where blobs were fetched. Calls are not recorded; those of one action that run side by side count as one.
    /// </summary>
    public int RoundTrips => (Kept == true ? 0 : 1) + AskedBack + (UploadedFiles > 0 ? 2 : 0) + (DownloadedFiles > 0 ? 1 : 0);
}

/// <summary>Times of an action on the worker, in milliseconds.</summary>
/// <param name="QueueMs">Waiting for a slot.</param>
/// <param name="SetupMs">Making the workspace.</param>
/// <param name="ToolMs">The tool.</param>
/// <param name="CollectMs">Finding, hashing and storing outputs.</param>
internal sealed record WorkerTimings(double QueueMs, double SetupMs, double ToolMs, double CollectMs);

/// <summary>One build and what it took.</summary>
internal sealed record Measurement
{
    /// <summary>Key of its configuration.</summary>
    public required string Configuration { get; init; }

    /// <summary>Round, from 1; 0 for what came before the rounds.</summary>
    public required int Round { get; init; }

    /// <summary>Seconds from start to end of the command.</summary>
    public required double WallSeconds { get; init; }

    /// <summary>Seconds in compiler tasks, over all nodes of MSBuild; null: the build does not say it.</summary>
    public required double? CompilingSeconds { get; init; }

    /// <summary>Processor seconds of the build and all that runs for it on the requester's side; null: not counted.</summary>
    public required double? RequesterCpuSeconds { get; init; }

    /// <summary>The part of it of what stays between builds, as the requester process; null: not counted.</summary>
    public required double? DaemonsCpuSeconds { get; init; }

    /// <summary>Processor seconds of the workers and their tools; null: not counted.</summary>
    public required double? WorkerCpuSeconds { get; init; }

    /// <summary>Processor seconds of everything else on this machine meanwhile, the bench and its line included; null: not counted.</summary>
    public required double? OthersCpuSeconds { get; init; }

    /// <summary>Bytes between the requester's side and the workers, headers included.</summary>
    public required WireBytes Wire { get; init; }

    /// <summary>Compiles that a worker ran, or that came from a cache; null: a local build.</summary>
    public required int? Remote { get; init; }

    /// <summary>Why others were not.</summary>
    public required string? Note { get; init; }

    /// <summary>What is wrong with the build: it failed, or left other files than the local one; null: nothing.</summary>
    public required string? Wrong { get; init; }

    /// <summary>The build record; empty for a build without Repr.</summary>
    public required IReadOnlyList<CompileRecord> Compiles { get; init; }
}
