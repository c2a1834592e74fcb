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

    /// <summary>
    /// Round trips that follow from the record, at least: one for the action, one for each question, two (asking and sending) where blobs
    /// were sent, one where blobs were fetched. Calls are not recorded; those of one action that run side by side count as one.
    /// </summary>
    public int RoundTrips => 1 + AskedBack + (UploadedFiles > 0 ? 2 : 0) + (DownloadedFiles > 0 ? 1 : 0);
}

/// <summary>One build and what it took.</summary>
internal sealed record Measurement
{
    /// <summary>Key of its configuration.</summary>
    public required string Configuration { get; init; }

    /// <summary>Round, from 1; 0 for the first remote build.</summary>
    public required int Round { get; init; }

    /// <summary>Seconds from start to end of the command.</summary>
    public required double WallSeconds { get; init; }

    /// <summary>Seconds in compiler tasks, over all nodes of MSBuild.</summary>
    public required double CompilingSeconds { get; init; }

    /// <summary>Processor seconds of the build, the compiler server and the requester process; null: not counted.</summary>
    public required double? RequesterCpuSeconds { get; init; }

    /// <summary>The part of it of the compiler server and the requester process; null: not counted.</summary>
    public required double? DaemonsCpuSeconds { get; init; }

    /// <summary>Processor seconds of the worker and its tools; null: not counted.</summary>
    public required double? WorkerCpuSeconds { get; init; }

    /// <summary>Processor seconds of everything else on this machine meanwhile, the bench itself included; null: not counted.</summary>
    public required double? OthersCpuSeconds { get; init; }

    /// <summary>TCP payload between requester and worker; null: not counted.</summary>
    public required WireBytes? Wire { get; init; }

    /// <summary>The build record; empty for a local build.</summary>
    public required IReadOnlyList<CompileRecord> Compiles { get; init; }

    /// <summary>Compiles that ran on the worker.</summary>
    public int Remote => Compiles.Count(compile => compile.Outcome == "remote");
}
