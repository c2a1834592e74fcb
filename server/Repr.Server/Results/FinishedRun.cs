using Repr.Protocol.V1;
using Repr.Server.Execution;
using Repr.Server.Warm;
using CoreActionResult = Repr.ActionResult;
using CoreDigest = Repr.Digest;

namespace Repr.Server.Results;

/// <summary>A run that has its verdict, and what it looked at. Immutable.</summary>
internal sealed class FinishedRun
{
    /// <summary>Makes it.</summary>
    /// <param name="request">The action.</param>
    /// <param name="weak">The fingerprint of its command.</param>
    /// <param name="files">What it saw.</param>
    /// <param name="result">What it left.</param>
    public FinishedRun(ActionRequest request, CoreDigest weak, InputTree files, CoreActionResult result)
    {
        Request = request;
        Weak = weak;
        Files = files;
        Result = result;
        HashSet<VirtualPath> outputs = [.. result.Outputs.Select(static output => output.Path)];
        Observed = [.. result.ObservedInputs.Select(Strengthen)];
        Paths = PathSet.Of(
            files.Observed.IsAll ? Observed : Observed.UnionBy(files.KnownFiles, static input => input.Path), files.Observed.ToPrivateList());

        // A file of which only the attributes were read counts as read wherever its content is known: a compiler that stays alive looks at
        // nothing else of what it has in memory. Not what was there before an output: that differs each time, and nobody reads it.
        ObservedInput Strengthen(ObservedInput input) =>
            input.Kind == ObservedKind.Stated && !outputs.Contains(input.Path) && files.Peek(input.Path) is FileFact file && files.PeekContent(file) is not null
                ? input with { Kind = ObservedKind.Read }
                : input;
    }

    /// <summary>The action.</summary>
    public ActionRequest Request { get; }

    /// <summary>The fingerprint of its command.</summary>
    public CoreDigest Weak { get; }

    /// <summary>What it saw.</summary>
    public InputTree Files { get; }

    /// <summary>What it left.</summary>
    public CoreActionResult Result { get; }

    /// <summary>What it looked at, in the order of first use: for predictions.</summary>
    public IReadOnlyList<ObservedInput> Observed { get; }

    /// <summary>The paths on which its result depends.</summary>
    public PathSet Paths { get; }

    /// <summary>What it said; null: too much.</summary>
    public required ToolText? Text { get; init; }

    /// <summary>What it should leave, as far as that is known.</summary>
    public required Known? Expected { get; init; }

    /// <summary>Whether it is a compiler for which time is nothing special in a source.</summary>
    public bool IsManagedCompiler => RoslynTool.IsCompiler(Request.Command);

    /// <summary>Whether an output tells how long the run took, and is another each time: the error log of a managed compiler.</summary>
    public bool TellsDurations(string output) => IsManagedCompiler && output.EndsWith(".sarif", StringComparison.OrdinalIgnoreCase);

    /// <summary>The content of a path that was read; else null.</summary>
    public CoreDigest? ContentOf(ObservedInput input) =>
        input.Kind == ObservedKind.Read && Files.Peek(input.Path) is FileFact file ? Files.PeekContent(file) : null;
}
