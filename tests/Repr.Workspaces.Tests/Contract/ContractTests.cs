using System.Runtime.Versioning;

namespace Repr.Workspaces.Tests.Contract;

/// <summary>Checks every case of <see cref="WorkspaceCases"/> on one kind of workspace, but those that the kind cannot have.</summary>
public abstract class ContractTests : IAsyncDisposable
{
    private readonly WorkspaceKind _kind;

    private protected ContractTests(WorkspaceKind kind) => _kind = kind;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _kind.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected static TheoryData<string> CasesBut(IReadOnlyDictionary<string, string> impossible) =>
        [.. WorkspaceCases.All.Select(workspaceCase => workspaceCase.Name).Where(name => !impossible.ContainsKey(name))];

    private protected async Task CheckAsync(string name)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        string? reason = await _kind.WhyUnavailableAsync(cancellation);
        ContractTable.Unavailable ??= reason;
        Assert.SkipWhen(reason is not null, reason ?? "");
        WorkspaceCase workspaceCase = WorkspaceCases.All.Single(candidate => candidate.Name == name);
        for (int round = 0; round < _kind.Rounds; round++)
        {
            await workspaceCase.Check(new CaseWorld(_kind, round, _kind.NewFiles(), cancellation));
        }

        ContractTable.Kept(_kind.Name, name);
    }
}

/// <summary>The contract on FUSE.</summary>
[SupportedOSPlatform("linux")]
public sealed class FuseContractTests() : ContractTests(new SandboxKind(ContractTable.Fuse, WorkspaceProviders.Fuse, WorkspaceCases.ImpossibleOnFuse))
{
    public static TheoryData<string> Cases => CasesBut(WorkspaceCases.ImpossibleOnFuse);

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Case(string name) => CheckAsync(name);
}

/// <summary>The contract on the copying workspace.</summary>
[SupportedOSPlatform("linux")]
public sealed class CopyingContractTests()
    : ContractTests(new SandboxKind(ContractTable.Copying, WorkspaceProviders.Copying, WorkspaceCases.ImpossibleOnCopying))
{
    public static TheoryData<string> Cases => CasesBut(WorkspaceCases.ImpossibleOnCopying);

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Case(string name) => CheckAsync(name);
}

/// <summary>The contract on the projected directory, here or in Wine.</summary>
[Collection(ProjectedCollection.Name)]
public sealed class ProjectedContractTests() : ContractTests(new ProjectedKind())
{
    public static TheoryData<string> Cases => CasesBut(WorkspaceCases.ImpossibleOnProjFs);

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Case(string name) => CheckAsync(name);
}

/// <summary>Tests that set how the double behaves: one at a time.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ProjectedCollection
{
    public const string Name = "the double of the Projected File System";
}
