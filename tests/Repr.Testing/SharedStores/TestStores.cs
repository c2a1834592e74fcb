using Xunit;

namespace Repr.Testing.SharedStores;

/// <summary>All kinds of shared stores, for tests that must hold for each. A new plugin adds its line.</summary>
public static class TestStores
{
    private static readonly Dictionary<string, Func<Task<TestStore>>> Kinds = new(StringComparer.Ordinal)
    {
        ["directory"] = static () => Task.FromResult<TestStore>(new DirectoryTestStore()),
        ["reapi"] = static () => ReapiTestStore.StartAsync(),
    };

    /// <summary>Their names.</summary>
    public static TheoryData<string> Names => [.. Kinds.Keys];

    /// <summary>Starts one.</summary>
    public static Task<TestStore> StartAsync(string name) => Kinds[name]();
}
