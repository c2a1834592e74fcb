using System.Text.Json;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Cxx;

/// <summary>The C++ sample, built by a worker with each toolset: the same bytes, everything remote, nothing that is not needed.</summary>
public sealed class CxxSampleTests(PackedSdk sdk)
{
    [Theory]
    [InlineData("gcc")]
    [InlineData("clang")]
    [InlineData("clang-cl")]
    public async Task The_sample_is_built_remotely_with_identical_results(string toolset)
    {
        SkipWithout(toolset);
        CxxSample sample = new(sdk, toolset);
        (BuildRun local, _) = await sample.BuildAsync(null);
        Assert.True(local.ExitCode == 0, local.Output);
        Dictionary<string, byte[]> expected = sample.Outputs();
        Assert.True(expected.Count(file => Path.GetExtension(file.Key) is ".o" or ".obj") >= 37, string.Join('\n', expected.Keys));
        SmallProject.CleanOutputs(sample.Directory);
        await using WorkerProcess worker = await sample.StartWorkerAsync();

        (BuildRun run, IReadOnlyList<JsonElement> records) = await sample.BuildAsync(worker, "-p:ReprFallback=fail");

        Assert.True(run.ExitCode == 0, run.Output);
        SmallProject.AssertSame(expected, sample.Outputs());
        Assert.All(records, record => Assert.Equal("remote", record.GetProperty("outcome").GetString()));
        // 37 objects, a library, a program, a generated header, a resource; and the header of its own that GCC and Clang precompile.
        Assert.Equal(toolset == "clang-cl" ? 41 : 42, records.Count);
        if (toolset != "clang-cl")
        {
            Assert.EndsWith("total 2251063164\n", await sample.RunAsync(), StringComparison.Ordinal);
        }

        // Nothing to do afterwards, neither remotely nor locally.
        Assert.Empty((await sample.BuildAsync(worker)).Records);
        Assert.DoesNotContain("CL ", (await sample.BuildAsync(null, "-v:normal")).Run.Output, StringComparison.Ordinal);

        // One header touched: exactly those that include it, and what is made of them.
        string header = Path.Combine(sample.Directory, "tally/obj/Debug/generated/tables.h");
        File.SetLastWriteTimeUtc(header, DateTime.UtcNow);
        IReadOnlyList<JsonElement> touched = (await sample.BuildAsync(worker)).Records;
        string library = toolset == "clang-cl" ? "tally.lib" : "libtally.a";
        string program = toolset == "clang-cl" ? "app.exe" : "app";
        Assert.Equal(
            ["CL crc32.cpp", "CL pearson.cpp", $"Lib {library}", $"Link {program}"],
            touched.Select(record => record.GetProperty("description").GetString()).Order(StringComparer.Ordinal));

        // Everything again: what was observed is predicted. (Not the names of the compilers' temporary files, which are new each time.)
        int asked = records.Sum(record => record.GetProperty("asked_back").GetInt32());
        SmallProject.CleanOutputs(sample.Directory);
        (run, records) = await sample.BuildAsync(worker, "-p:ReprFallback=fail");
        SmallProject.AssertSame(expected, sample.Outputs());
        Assert.InRange(records.Sum(record => record.GetProperty("asked_back").GetInt32()), 0, asked / 4);

        (run, _) = await sample.BuildAsync(null, "-t:Clean");
        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Empty(sample.Outputs());
    }

    [Fact]
    public async Task Errors_and_warnings_are_those_of_a_local_build()
    {
        CxxSample sample = new(sdk, "gcc");
        await File.WriteAllTextAsync(
            Path.Combine(sample.Directory, "tally/luhn.cpp"),
            "#include \"pch.h\"\n\nuint32_t tally::luhn(const Bytes& bytes)\n{\n    int unused;\n    return missing;\n}\n",
            TestContext.Current.CancellationToken);
        BuildRun local = (await sample.BuildAsync(null)).Run;
        SmallProject.CleanOutputs(sample.Directory);
        await using WorkerProcess worker = await sample.StartWorkerAsync();

        BuildRun remote = (await sample.BuildAsync(worker)).Run;

        Assert.Equal(1, remote.ExitCode);
        Assert.Equal(1, remote.CountOf("luhn.cpp(6,12): error : ‘missing’ was not declared in this scope"));
        Assert.Equal(1, remote.CountOf("luhn.cpp(5,9): error -Wunused-variable"));
        Assert.Equal(local.Diagnostics, remote.Diagnostics);
    }

    [Fact]
    public async Task Without_a_worker_it_is_built_here()
    {
        CxxSample sample = new(sdk, "gcc");

        BuildRun run = (await sample.BuildAsync(null, "-p:ReprEndpoint=http://127.0.0.1:1")).Run;

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.InRange(run.CountOf("warning REPR1101"), 1, 2); // one for each of the two nodes
        Assert.Contains("total ", await sample.RunAsync(), StringComparison.Ordinal);
    }

    private static void SkipWithout(string toolset)
    {
        string[] programs = toolset switch
        {
            "gcc" => ["g++", "ar"],
            "clang" => ["clang++", "ar"],
            _ => ["lld-link", "llvm-lib", "llvm-rc"],
        };
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        string? missing = programs.FirstOrDefault(program => !path.Any(directory => File.Exists(Path.Combine(directory, program))));
        Assert.SkipWhen(missing is not null, $"{missing} is not installed; eng/setup.sh installs it.");
    }
}
