using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Repr.Server.Presence;
using Repr.Server.Warm;
using Repr.Telemetry;
using Repr.Workspaces;

namespace Repr.Server.Execution;

/// <summary>One action as it arrived.</summary>
/// <param name="Command">What to run.</param>
/// <param name="Inputs">What is known about the requester's files.</param>
/// <param name="Description">For people, as in "Csc App.Core".</param>
/// <param name="Span">Of the action in its trace.</param>
internal sealed record ActionRequest(Command Command, IReadOnlyCollection<InputFact> Inputs, string Description, Span Span = default)
{
    /// <summary>Whose action it is: nothing that it leaves in memory is shared with another's.</summary>
    public string Caller { get; init; } = "";

    /// <summary>Called when it has a slot.</summary>
    public Action? OnStarted { get; init; }

    /// <summary>Where the requester may be asked about files, besides its system's directories.</summary>
    public IReadOnlyList<VirtualPath> ReadRoots { get; init; } = [];

    /// <summary>What an earlier run of the same command looked at, as far as the result cache knows one.</summary>
    public IReadOnlyList<ObservedInput> LastInputs { get; init; } = [];

    /// <summary>What the result cache may do.</summary>
    public ResultCaching Caching { get; init; } = ResultCaching.Off;
}

/// <summary>A run that has its verdict.</summary>
/// <param name="Result">The verdict, and what it left.</param>
/// <param name="Files">What it saw; nobody is asked any more.</param>
internal sealed record FinishedAction(ActionResult Result, InputTree Files);

/// <summary>Runs actions: the main path of the worker. Safe for concurrent use.</summary>
internal sealed partial class ActionExecutor(
    SlotPool slots,
    OwnerGate gate,
    IWorkspaceProvider workspaces,
    WarmTools warm,
    ExpectedInputs expected,
    ILocalContentStore store,
    string stagingRoot,
    ILogger<ActionExecutor> logger)
{
    private const long LeastFreeBytes = 16 << 20;

    private long _lastStaging;

    /// <summary>
    /// Runs one action to its verdict. The outputs' content stays in the store at least as long as <paramref name="lease"/> is held.
    /// </summary>
    /// <param name="request">What to run.</param>
    /// <param name="known">What it sees; the caller's.</param>
    /// <param name="text">Where the tool's text goes.</param>
    /// <param name="input">What it gets while it runs.</param>
    /// <param name="lease">Keeps inputs and outputs in the store; the caller's.</param>
    /// <param name="cancellationToken">Kills the process tree.</param>
    /// <exception cref="ReprException">There is no verdict: also when the machine's owner came back.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<FinishedAction> ExecuteAsync(
        ActionRequest request, InputTree known, IToolText text, IToolInput input, IContentLease lease, CancellationToken cancellationToken)
    {
        CancellationToken givenBack = gate.Enter();
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, givenBack);
        try
        {
            return await ExecuteHereAsync(request, known, text, input, lease, either.Token);
        }
        catch (Exception) when (givenBack.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            gate.ThrowIfClosed(); // whatever it looked like from here
            throw new ReprException(ReprErrorCode.Unavailable, "The machine was needed by its user for a moment, and the action was stopped.");
        }
    }

    private async Task<FinishedAction> ExecuteHereAsync(
        ActionRequest request, InputTree known, IToolText text, IToolInput input, IContentLease lease, CancellationToken cancellationToken)
    {
        // 1. Wait for a slot.
        long asked = Stopwatch.GetTimestamp();
        using Span queue = request.Span.Child("queue");
        int slot = await slots.AcquireAsync(cancellationToken);
        queue.Dispose();
        double queueMs = Stopwatch.GetElapsedTime(asked).TotalMilliseconds;
        try
        {
            request.OnStarted?.Invoke();

            // 2. The tool, in a workspace that shows the requester's world: what is mapped, and questions for the rest.
            ToolPlace place =
                await warm.TryRunAsync(request, View, text, cancellationToken)
                ?? await RunColdAsync(request, View(timesFromContent: false), slot, text, input, cancellationToken);
            await using IAsyncDisposable held = place.Place;
            (InputTree files, ToolRun run) = (place.Files, place.Run);
            cancellationToken.ThrowIfCancellationRequested(); // a tool that was stopped has no verdict
            files.Hydration.Tell(request.Span, DateTimeOffset.UtcNow);

            if (run.Exit is not { Kind: ExitKind.Code, Value: 0 })
            {
                RequireSpace(stagingRoot);
            }

            // 3. What it left, hashed and stored.
            long ended = Stopwatch.GetTimestamp();
            using Span collect = request.Span.Child("collect");
            (List<ActionOutput> outputs, List<VirtualPath> undeclared) =
                await StoreOutputsAsync(place, request.Command.OutputRoots, lease, cancellationToken);
            double collectMs = Stopwatch.GetElapsedTime(ended).TotalMilliseconds;
            collect.Set(TelemetryNames.Files, outputs.Count).Dispose();

            // 4. The verdict.
            Log.ActionEnded(logger, request.Description, run.Exit, run.ToolMs, files.Questions, outputs.Count);
            ActionResult result = new()
            {
                Exit = run.Exit,
                Outputs = outputs,
                UndeclaredWrites = undeclared,
                ObservedInputs = files.Observed.ToList(),
                Timings = new ActionTimings(queueMs, run.SetupMs, run.ToolMs, files.Waits.TotalMs, collectMs, run.CpuMs, run.PeakBytes),
                Questions = files.Questions,
            };
            return new FinishedAction(result, files);
        }
        finally
        {
            slots.Release(slot);
        }

        InputTree View(bool timesFromContent) => new(known, timesFromContent);
    }

    private async Task<ToolPlace> RunColdAsync(
        ActionRequest request, InputTree files, int slot, IToolText text, IToolInput input, CancellationToken cancellationToken)
    {
        long made = Stopwatch.GetTimestamp();
        using Span setup = request.Span.Child("setup");
        string staging = Path.Combine(
            stagingRoot, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Interlocked.Increment(ref _lastStaging)}"));
        Directory.CreateDirectory(staging);
        Digest name = ExpectedInputs.NameOf(request);
        files.Expect(request.Caller, expected.Of(name, request.LastInputs));
        IWorkspace workspace = await CreateAsync(staging, slot, request.Command, files, cancellationToken);
        double createMs = Stopwatch.GetElapsedTime(made).TotalMilliseconds;
        setup.Dispose();
        try
        {
            using Span tool = request.Span.Child("tool");
            ToolRun run = await workspace.RunAsync(text, input, cancellationToken);
            files.Observed.IsAll = true; // its first process began with nothing
            if (files.Shown is not null && run.Exit is { Kind: ExitKind.Code, Value: 0 })
            {
                expected.Learn(name, files.Observed.ToList(), files);
            }

            return new ToolPlace(files, run with { SetupMs = createMs + run.SetupMs }, workspace.CollectChanges(), workspace) { IsOver = true };
        }
        catch
        {
            await workspace.DisposeAsync();
            throw;
        }
    }

    private async ValueTask<IWorkspace> CreateAsync(string staging, int slot, Command command, InputTree files, CancellationToken cancellationToken)
    {
        try
        {
            return await workspaces.CreateAsync(staging, slot, command, files, cancellationToken);
        }
        catch
        {
            StagingDirectory.TryDelete(staging, logger);
            throw;
        }
    }

    // What a tool says when it could write nothing is no verdict.
    private static void RequireSpace(string staging)
    {
        long free = new DriveInfo(staging).AvailableFreeSpace;
        if (free < LeastFreeBytes)
        {
            throw new ReprException(
                ReprErrorCode.Exhausted, $"The worker's disk is full ({free} bytes are free for staging). Free some, or give --data another disk.");
        }
    }

    private async Task<(List<ActionOutput> Outputs, List<VirtualPath> Undeclared)> StoreOutputsAsync(
        ToolPlace place, IReadOnlyList<VirtualPath> roots, IContentLease lease, CancellationToken cancellationToken)
    {
        List<ActionOutput> outputs = [];
        List<VirtualPath> undeclared = [];
        foreach (WorkspaceChange change in place.Changes)
        {
            if (!roots.Any(change.Path.IsWithin))
            {
                // A directory on the way to an output root is no write of the tool.
                if (change.Kind != FileKind.Directory || !roots.Any(root => root.IsWithin(change.Path)))
                {
                    undeclared.Add(change.Path);
                }

                continue;
            }

            outputs.Add(change.Kind switch
            {
                FileKind.File => await StoreFileAsync(change, place.IsOver, lease, cancellationToken),
                FileKind.Directory => new DirectoryOutput(change.Path, change.Mode),
                FileKind.Symlink => new SymlinkOutput(change.Path, change.LinkTarget!),
                _ => new DeletedOutput(change.Path),
            });
        }

        return (outputs, undeclared);
    }

    private async Task<FileOutput> StoreFileAsync(WorkspaceChange change, bool isOver, IContentLease lease, CancellationToken cancellationToken)
    {
        Digest digest = isOver
            ? await store.PutFileAsync(change.LocalPath!, cancellationToken)
            : await CopyAsync(change.LocalPath!, cancellationToken);
        lease.Add(digest);
        return new FileOutput(change.Path, digest, change.Mode);
    }

    // Whoever lives on may have the file open, and must not have a blob so: what it writes afterwards, it writes elsewhere.
    private async Task<Digest> CopyAsync(string path, CancellationToken cancellationToken)
    {
        await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        Digest digest = await Digest.ComputeAsync(file, cancellationToken);
        file.Position = 0;
        await store.PutAsync(digest, file, cancellationToken);
        return digest;
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "{Description}: {Exit}, {ToolMs:F0} ms, {Questions} questions, {Outputs} outputs")]
        public static partial void ActionEnded(
            ILogger logger, string description, ToolExit exit, double toolMs, int questions, int outputs);
    }
}
