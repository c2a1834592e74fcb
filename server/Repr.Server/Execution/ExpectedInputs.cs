using Microsoft.Extensions.Caching.Memory;
using Repr.Server.Results;

namespace Repr.Server.Execution;

/// <summary>
/// Remembers what each command looked at when it ran last, so that the same can be put before it the next time. In memory, of those that ran last. Safe for
/// concurrent use.
/// </summary>
/// <remarks>
/// What was put before a tool counts as looked at, so a set would only grow: something that the tool has no use for any more would stay among that on
/// which its result depends. So every eighth time, or by as much chance where nobody counted, nothing is foretold, and what it looks at then is what it
/// looks at.
/// </remarks>
internal sealed class ExpectedInputs : IDisposable
{
    /// <summary>How often a set is used before the tool is watched again.</summary>
    internal const int Uses = 7;

    private const int MaximumPaths = 500_000; // of all commands
    private const int MaximumOfOne = 10_000;

    private readonly MemoryCache _sets = new(new MemoryCacheOptions { SizeLimit = MaximumPaths });

    /// <summary>What a command will most likely look at; empty: it is time to watch it, or nobody knows.</summary>
    /// <param name="command">Its name.</param>
    /// <param name="last">What is known elsewhere of a run of it, for one that is not remembered; how often that was used is not known.</param>
    public IReadOnlyList<ObservedInput> Of(Digest command, IReadOnlyList<ObservedInput> last) =>
        _sets.TryGetValue(command, out Entry? known) && known is not null ? known.Uses < Uses ? known.Inputs : []
        : last.Count > MaximumOfOne || Random.Shared.Next(Uses + 1) == 0 ? []
        : last;

    /// <summary>Remembers what a command looked at.</summary>
    /// <param name="command">Its name (<see cref="NameOf"/>).</param>
    /// <param name="inputs">What it looked at, and what was put before it.</param>
    /// <param name="files">What it saw. Where facts are, their names are kept, which commands of a kind have in common.</param>
    public void Learn(Digest command, IReadOnlyList<ObservedInput> inputs, InputTree files) =>
        Learn(command, [.. inputs.Select(input => files.Peek(input.Path) is { } fact ? input with { Path = fact.Path } : input)], files.Shown > 0);

    /// <summary>Remembers what a command looked at.</summary>
    /// <param name="command">Its name.</param>
    /// <param name="inputs">What it looked at, and what was put before it.</param>
    /// <param name="isForetold">Whether anything was put before it.</param>
    internal void Learn(Digest command, IReadOnlyList<ObservedInput> inputs, bool isForetold)
    {
        if (inputs.Count > MaximumOfOne)
        {
            _sets.Set(command, new Entry([], 0), new MemoryCacheEntryOptions { Size = 1 }); // nothing is foretold of it, whoever knows it
            return;
        }

        int uses = !isForetold ? 0 : _sets.TryGetValue(command, out Entry? before) && before is not null ? before.Uses + 1 : 1;
        _sets.Set(command, new Entry(inputs, uses), new MemoryCacheEntryOptions { Size = inputs.Count + 1 });
    }

    /// <summary>The name of a request's command: nothing of one caller is expected of another one's.</summary>
    public static Digest NameOf(ActionRequest request) => WeakFingerprint.Of(request, request.Caller, workspace: "");

    /// <inheritdoc/>
    public void Dispose() => _sets.Dispose();

    private sealed record Entry(IReadOnlyList<ObservedInput> Inputs, int Uses);
}
