using System.Runtime.Versioning;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(Repr.Workspaces.Tests.Contract.TableLast))]

namespace Repr.Workspaces.Tests.Contract;

/// <summary>
/// What the other tests of this run saw, as one table: artifacts/workspace-contract.md, which docs/windows.md repeats. After a run of a
/// part of the tests it says what was not run.
/// </summary>
[SupportedOSPlatform("linux")]
[Collection(Last)]
public sealed class ContractTableTests
{
    internal const string Last = "the table of the contract";

    [Fact]
    public void Every_kind_keeps_every_case_or_says_why_it_cannot()
    {
        string table = ContractTable.ToMarkdown();
        string artifacts = Path.Combine(Repository.Root, "artifacts");
        Directory.CreateDirectory(artifacts);
        File.WriteAllText(Path.Combine(artifacts, "workspace-contract.md"), table);

        Assert.SkipWhen(ContractTable.Unavailable is not null, ContractTable.Unavailable ?? "");
        Assert.Equal([], ContractTable.Missing());
        Assert.Contains(table, File.ReadAllText(Path.Combine(Repository.Root, "docs", "windows.md")), StringComparison.Ordinal);
    }
}

/// <summary>Lets the table come after everything it is about.</summary>
public sealed class TableLast : ITestCollectionOrderer
{
    /// <inheritdoc/>
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => collection.TestCollectionDisplayName == ContractTableTests.Last)];
}
