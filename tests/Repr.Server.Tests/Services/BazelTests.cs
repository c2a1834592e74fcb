using System.Globalization;
using System.Text;
using Repr.Server.Tests.Sessions;

namespace Repr.Server.Tests.Services;

/// <summary>A client that others wrote: Bazel, with the worker as its remote cache.</summary>
public sealed class BazelTests(WorkerFixture worker) : IClassFixture<WorkerFixture>
{
    private const int Rules = 10;
    private const int LargeBytes = 12_000_000;

    [Fact]
    public async Task Bazel_finds_all_that_it_built_in_the_workers_store()
    {
        Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
        await using Bazel bazel = Bazel.Create($"--remote_cache=grpc://{new Uri(worker.Address).Authority}");
        WriteWorkspace(bazel.Workspace);

        string first = await bazel.RunAsync("build", "//...");
        Dictionary<string, byte[]> built = bazel.Outputs(".out");
        await bazel.RunAsync("clean");
        Assert.Empty(bazel.Outputs(".out"));
        string second = await bazel.RunAsync("build", "//...");

        Assert.DoesNotContain("remote cache hit", first, StringComparison.Ordinal);
        Assert.Equal(new Dictionary<string, int> { ["remote cache hit"] = Rules }, Bazel.Processes(second));
        Assert.Equal(Rules, built.Count);
        Assert.Equal(LargeBytes, built["large.out"].Length);
        Assert.Equal(built, bazel.Outputs(".out"));
    }

    private static void WriteWorkspace(string workspace)
    {
        StringBuilder build = new();
        for (int i = 1; i < Rules; i++)
        {
            File.WriteAllText(Path.Combine(workspace, $"{i}.txt"), string.Create(CultureInfo.InvariantCulture, $"input {i} of {Guid.NewGuid()}\n"));
            build.AppendLine(
                CultureInfo.InvariantCulture,
                $"""genrule(name = "r{i}", srcs = ["{i}.txt"], outs = ["{i}.out"], cmd = "cat $(location {i}.txt) $(location {i}.txt) > $@")""");
        }

        build.AppendLine(
            CultureInfo.InvariantCulture,
            $"""genrule(name = "large", outs = ["large.out"], cmd = "head -c {LargeBytes} /dev/urandom > $@")""");
        File.WriteAllText(Path.Combine(workspace, "BUILD"), build.ToString());
        File.WriteAllText(Path.Combine(workspace, "WORKSPACE"), "");
    }
}
