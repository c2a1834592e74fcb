using Repr.Server.Tests.Services;

namespace Repr.Server.Tests.Reapi;

/// <summary>A client that others wrote: Bazel, which builds and tests a workspace in C++ with the worker alone.</summary>
public sealed class BazelExecutionTests : IAsyncLifetime
{
    private const int Actions = 13;
    private const int Tests = 3;

    // One for each test: nothing is known from another.
    private readonly ReapiWorkerFixture _worker = new();

    public ValueTask InitializeAsync() => _worker.InitializeAsync();

    public ValueTask DisposeAsync() => _worker.DisposeAsync();

    [Fact]
    public async Task Bazel_builds_and_tests_on_the_worker_what_it_would_build_here()
    {
        await using Bazel bazel = Create();

        // All of it runs on the worker, and the tests pass there.
        string built = await bazel.RunAsync("build", "//...");
        Dictionary<string, byte[]> outputs = bazel.Outputs();
        string tested = await bazel.RunAsync("test", "//...");
        Assert.Equal(new Dictionary<string, int> { ["remote"] = Actions }, Bazel.Processes(built));
        Assert.Equal(["remote"], Bazel.Processes(tested).Keys);
        Assert.Contains($"Executed {Tests} out of {Tests} tests: {Tests} tests pass.", tested, StringComparison.Ordinal);

        // Once more from nothing: all of it is known, the tests too.
        await bazel.RunAsync("clean");
        string again = await bazel.RunAsync("test", "//...");
        Assert.Equal(["remote cache hit"], Bazel.Processes(again).Keys);
        Assert.Equal(outputs, bazel.Outputs());

        // A change runs what depends on it: one compile, the archive, the library and the program, and the tests of the program.
        Replace(bazel, "lib/stock.cc", "std::stoi", "std::stol");
        string changed = await bazel.RunAsync("build", "//...");
        Assert.Equal(new Dictionary<string, int> { ["remote"] = 4 }, Bazel.Processes(changed));
        string retested = await bazel.RunAsync("test", "//...");
        Assert.Contains("//lib:text_test                                                 (cached) PASSED", retested, StringComparison.Ordinal);
        Replace(bazel, "lib/stock.cc", "std::stol", "std::stoi");

        // The same without the worker.
        await bazel.RunAsync("clean");
        await bazel.BuildHereAsync("//...");
        Assert.Equal(outputs.Keys.Order(), bazel.Outputs().Keys.Order());
        Assert.All(bazel.Outputs(), output => Assert.True(outputs[output.Key].AsSpan().SequenceEqual(output.Value), output.Key));
    }

    [Fact]
    public async Task What_fails_on_the_worker_fails_in_Bazel_with_the_tools_words()
    {
        await using Bazel bazel = Create();

        // A compiler's message.
        Replace(bazel, "lib/text.cc", "parts.emplace_back();", "parts.emplace_back(;");
        (int code, string said) = await bazel.TryRunAsync("build", "//lib:text");
        Assert.Equal(1, code);
        Assert.Contains("lib/text.cc:7:26: error: expected primary-expression before", said, StringComparison.Ordinal);
        Replace(bazel, "lib/text.cc", "parts.emplace_back(;", "parts.emplace_back();");

        // A test's message.
        Replace(bazel, "app/inventory_test.sh", "bolt 17", "bolt 18");
        (code, said) = await bazel.TryRunAsync("test", "--test_output=errors", "//app:inventory_test");
        Assert.Equal(3, code);
        Assert.Contains("got: bolt 17", said, StringComparison.Ordinal);
        Assert.Contains("1 fails remotely", said, StringComparison.Ordinal);

        // A test that does not end.
        Replace(bazel, "app/inventory_test.sh", "actual=", "echo begun; sleep 1000; actual=");
        (code, said) = await bazel.TryRunAsync("test", "--test_timeout=2", "--test_output=errors", "//app:inventory_test");
        Assert.Equal(3, code);
        Assert.Contains("begun", said, StringComparison.Ordinal);
        Assert.Contains("TIMEOUT", said, StringComparison.Ordinal);

        // A platform that this worker is not.
        (code, said) = await bazel.TryRunAsync("build", "--remote_default_exec_properties=container-image=docker://other", "//lib:text");
        Assert.NotEqual(0, code);
        Assert.Contains("container-image=docker://other", said, StringComparison.Ordinal);
    }

    private static void Replace(Bazel bazel, string file, string old, string current)
    {
        string path = Path.Combine(bazel.Workspace, file);
        string text = File.ReadAllText(path);
        Assert.Contains(old, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(old, current, StringComparison.Ordinal));
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private Bazel Create()
    {
        Assert.SkipWhen(_worker.WhyUnavailable is not null, _worker.WhyUnavailable ?? "");
        Bazel bazel = Bazel.Create($"--remote_executor=grpc://{new Uri(_worker.Address).Authority}");
        Copy(Path.Combine(Repository.Root, "tests/assets/BazelSample"), bazel.Workspace);
        return bazel;
    }
}
