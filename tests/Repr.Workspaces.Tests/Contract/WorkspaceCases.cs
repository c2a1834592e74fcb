using Repr.Testing;

namespace Repr.Workspaces.Tests.Contract;

/// <summary>The world of one run of a case.</summary>
/// <param name="Kind">What is tested.</param>
/// <param name="Round">Under which circumstances.</param>
/// <param name="Files">What the tool sees.</param>
/// <param name="Cancellation">Ends a test that hangs.</param>
internal sealed record CaseWorld(WorkspaceKind Kind, int Round, MemoryFileSource Files, CancellationToken Cancellation)
{
    /// <summary>Runs a tool.</summary>
    public async Task<ToolOutcome> RunAsync(params ToolStep[] steps)
    {
        ToolOutcome outcome = await Kind.RunAsync(Round, Files, steps, Cancellation);
        HashSet<VirtualPath> seen = [];
        Assert.All(outcome.Changes, change =>
        {
            Assert.True(seen.Add(change.Path), $"'{change.Path}' is there twice.");
            Assert.DoesNotContain(seen, path => path != change.Path && path.IsWithin(change.Path)); // parents before children
        });
        return outcome;
    }
}

/// <summary>A promise that every kind of workspace keeps, or cannot have.</summary>
/// <param name="Name">The row of the table.</param>
/// <param name="Check">Fails when it is not kept.</param>
internal sealed record WorkspaceCase(string Name, Func<CaseWorld, Task> Check)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>
/// What an action's files promise, one list for all kinds of workspaces. Paths are those of a requester on Windows, which Linux can
/// have too.
/// </summary>
internal static partial class WorkspaceCases
{
    private const string NoSpelling = "names on Linux have their case";
    private const string NoWindowsNames = "names that only Windows forbids";
    private const string EverythingBefore = "everything is copied before the tool starts";

    /// <summary>What FUSE cannot have.</summary>
    public static IReadOnlyDictionary<string, string> ImpossibleOnFuse { get; } = new Dictionary<string, string>
    {
        [AnySpelling] = NoSpelling,
        [SpellingOnDisk] = NoSpelling,
        [ForbiddenNames] = NoWindowsNames,
        [Streams] = NoWindowsNames,
    };

    /// <summary>What copying cannot have.</summary>
    public static IReadOnlyDictionary<string, string> ImpossibleOnCopying { get; } =
        new Dictionary<string, string>(ImpossibleOnFuse)
        {
            [Lazy] = EverythingBefore,
            [LazyListing] = EverythingBefore,
            [AskedOnce] = EverythingBefore,
            [FirstFailure] = EverythingBefore,
            [Cancelled] = EverythingBefore,
        };

    /// <summary>What the Projected File System cannot have.</summary>
    public static IReadOnlyDictionary<string, string> ImpossibleOnProjFs { get; } = new Dictionary<string, string>
    {
        [RenameTheirDirectory] = "ProjFS renames no directory that is projected",
    };

    /// <summary>All cases, in the order of the table.</summary>
    public static IReadOnlyList<WorkspaceCase> All { get; } = [.. Reading(), .. Failing(), .. Writing(), .. Deleting()];

    private static ToolStep.Read Read(string name) => new ToolStep.Read(In(name));

    private static ToolStep.Probe Probe(string name) => new ToolStep.Probe(In(name));

    private static ToolStep.List List(string name, string pattern = "*") => new ToolStep.List(In(name), pattern);

    private static ToolStep.Write Write(string name, string text) => new ToolStep.Write(In(name), text);

    private static ToolStep.Append Append(string name, string text) => new ToolStep.Append(In(name), text);

    private static ToolStep.Copy Copy(string from, string to) => new ToolStep.Copy(In(from), In(to));

    private static ToolStep.Delete Delete(string name) => new ToolStep.Delete(In(name));

    private static ToolStep.Rename Rename(string from, string to) => new ToolStep.Rename(In(from), In(to));

    private static ToolStep.MakeDirectory MakeDirectory(string name) => new ToolStep.MakeDirectory(In(name));

    // In the directory that every case has.
    private static string In(string name) => name.Length == 0 ? "/C:/src" : "/C:/src/" + name;

    private static MemoryFileSource With(this CaseWorld world, string name, string text)
    {
        world.Files.AddDirectory("/C:/src");
        return world.Files.AddFile(In(name), text);
    }

    private static int Opened(this CaseWorld world, string name) => world.Files.Opened.GetValueOrDefault(VirtualPath.Parse(In(name)));
}
