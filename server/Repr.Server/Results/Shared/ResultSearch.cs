using Repr.Protocol.V1;
using Repr.Server.Execution;
using CoreDigest = Repr.Digest;
using CoreObservedInput = Repr.ObservedInput;

namespace Repr.Server.Results.Shared;

/// <summary>
/// Looks for the result of one action: here, then in the farm. What was learned on the way serves the run, if there has to be one. One action's;
/// not safe for concurrent use.
/// </summary>
/// <param name="cache">This worker's results.</param>
/// <param name="farm">What the farm knows.</param>
/// <param name="store">Where content is.</param>
/// <param name="request">The action.</param>
/// <param name="caller">Who may take what its run leaves: a caller's name, or the same for all.</param>
/// <param name="workspace">The kind of workspace.</param>
/// <param name="files">What the action sees.</param>
/// <param name="lease">The action's.</param>
internal sealed class ResultSearch(
    ResultCache cache, FarmKnowledge farm, IContentStore store, ActionRequest request, string caller, string workspace, InputTree files, IContentLease lease)
{
    private CommandShape? _shape;
    private Knowledge? _ofShape;

    /// <summary>The fingerprint of the command.</summary>
    public CoreDigest Weak { get; } = WeakFingerprint.Of(request, caller, workspace);

    /// <summary>Why there is no result; null when there is one.</summary>
    public Miss? Miss { get; private set; }

    /// <summary>The tool's text of the result that was found.</summary>
    public ToolText Text { get; private set; } = new();

    /// <summary>What an earlier run of the command looked at; null: none is known.</summary>
    public PathSet? LastPaths { get; private set; }

    /// <summary>Whether the result is of another worker and is not kept here yet.</summary>
    public bool IsElsewhere { get; private set; }

    /// <summary>Looks for the result.</summary>
    /// <param name="now">The time.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns>Null: there is none, for which <see cref="Miss"/> has the reason.</returns>
    public async Task<Known?> FindAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        bool isComplete = request.Caching != ResultCaching.Verify;
        ResultLookup here = cache.LookUp(Weak, files, lease);
        Known? known = await here.FindAsync(now, isComplete, cancellationToken);
        (Text, Miss, LastPaths) = (here.Text, here.Miss, here.LastPaths);
        if (known is not null || Miss?.Reason == MissReason.NotRepeatable)
        {
            return known;
        }

        _shape = await NewShapeAsync(cancellationToken);
        _ofShape = await farm.FindAsync(_shape.Name, cancellationToken);
        if (_ofShape is null || !farm.HasPeers)
        {
            return null;
        }

        ResultLookup there = cache.LookUpElsewhere(new KnownTogether(_ofShape), Weak, files, lease);
        known = await there.FindAsync(now, isComplete, cancellationToken);
        LastPaths ??= there.LastPaths;
        IsElsewhere = known is not null;
        if (known is not null || Miss?.Reason == MissReason.NoEntry || there.Miss?.Reason == MissReason.NotRepeatable)
        {
            (Text, Miss) = (there.Text, there.Miss);
        }

        return known;
    }

    /// <summary>Asks, with one question, about what the run will probably look at. Never fails but by cancelling: the tool asks for itself.</summary>
    public async Task AskAheadAsync(CancellationToken cancellationToken)
    {
        if (_shape is null || !files.AsksMany)
        {
            return;
        }

        Knowledge? ofTool = _ofShape is { Likely.Count: > 0 } ? null : await farm.FindAsync(_shape.Tool, cancellationToken);
        IReadOnlyList<CoreObservedInput> likely = LikelyPaths.Choose(_ofShape, ofTool, _shape, request.Command, files);
        if (likely.Count > 0)
        {
            try
            {
                await files.LookAtManyAsync(likely, cancellationToken);
            }
            catch (ReprException)
            {
                // What is wrong with the requester or its files is told by the action itself, if it needs them.
            }
        }
    }

    /// <summary>Tells the farm what a run has looked at, and left.</summary>
    /// <param name="run">The run.</param>
    /// <param name="news">What it left; null: nothing that is kept.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task TellAsync(FinishedRun run, Knowledge? news, CancellationToken cancellationToken)
    {
        _shape ??= await NewShapeAsync(cancellationToken);
        Knowledge told = farm.HasPeers && news is not null ? news : new Knowledge();
        if (run.Result.Exit is { Kind: ExitKind.Code, Value: 0 })
        {
            told.Likely.AddRange(LikelyPaths.Learn(run.Observed, _shape, request.Command, ofTool: false));
            Knowledge ofTool = new();
            ofTool.Likely.AddRange(LikelyPaths.Learn(run.Observed, _shape, request.Command, ofTool: true));
            farm.Tell(_shape.Tool, ofTool);
        }

        farm.Tell(_shape.Name, told);
    }

    private ValueTask<CommandShape> NewShapeAsync(CancellationToken cancellationToken) =>
        CommandShape.OfAsync(request, caller, workspace, store, cancellationToken);
}
