using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Repr.EndToEnd.Tests.Cxx;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Placeholders;

/// <summary>The C++ sample with ReprDownload=minimal: real compilers, a real worker, the kernel's FUSE.</summary>
public sealed class MinimalCxxTests(PackedSdk sdk) : IAsyncDisposable
{
    private readonly CxxSample _sample = new(sdk, "gcc");
    private WorkerProcess? _worker;

    private string RuntimeDirectory => Path.Combine(_sample.Directory, "run-minimal");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await ProcessTable.EndAsync(RuntimeDirectory);
        string mounted = Path.Combine(RuntimeDirectory, "content");
        if ((await File.ReadAllTextAsync("/proc/mounts")).Contains(mounted, StringComparison.Ordinal))
        {
            using Process unmount = Process.Start("umount", ["-l", mounted]); // of a process that was killed
            await unmount.WaitForExitAsync();
        }

        await (_worker?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Fact]
    public async Task Objects_stay_on_the_worker_and_what_is_made_of_them_is_the_same()
    {
        Dictionary<string, byte[]> expected = await BuildLocallyAsync();
        _worker = await _sample.StartWorkerAsync();
        long all = BytesOf((await _sample.BuildAsync(_worker, "-p:ReprFallback=fail")).Records);
        SmallProject.CleanOutputs(_sample.Directory);

        (BuildRun run, IReadOnlyList<JsonElement> records) = await BuildMinimallyAsync("-p:ReprFallback=fail");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal(42, records.Count);
        string[] links = Links();
        Assert.Equal(38, links.Length); // without the object that an Exec makes; precompiled headers count
        Assert.All(links, link => Assert.Contains("/obj/", link, StringComparison.Ordinal));
        long minimal = BytesOf(records);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"downloaded: all {all} bytes, minimal {minimal} bytes"));
        Assert.InRange(minimal, 1, all / 2);

        // Nobody has read an object, also not to make the library and the program.
        Assert.Equal(0, await HydratedAsync());
        SmallProject.AssertSame(FinalOf(expected), FinalOf(_sample.Outputs(withoutLinks: true)));
        Assert.EndsWith("total 2251063164\n", await _sample.RunAsync(), StringComparison.Ordinal);

        // Up to date, with the worker and without.
        Assert.Empty((await BuildMinimallyAsync()).Records);
        Assert.DoesNotContain("CL ", (await _sample.BuildAsync(null, "-v:normal")).Run.Output, StringComparison.Ordinal);
        Assert.Equal(0, await HydratedAsync());

        // Whoever reads them has them.
        SmallProject.AssertSame(expected, _sample.Outputs());
        Assert.InRange(await HydratedAsync(), 1, links.Length);

        // One source changed: it and what is made of it, as if it were all built here.
        await ChangeAsync();
        (run, records) = await BuildMinimallyAsync("-p:ReprFallback=fail");
        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal(
            ["CL luhn.cpp", "Lib libtally.a", "Link app"], records.Select(record => record.GetProperty("description").GetString()).Order(StringComparer.Ordinal));
        Dictionary<string, byte[]> changed = _sample.Outputs();
        SmallProject.CleanOutputs(_sample.Directory);
        SmallProject.AssertSame(await BuildLocallyAsync(), changed);
    }

    [Fact]
    public async Task When_the_requester_process_was_killed_the_next_build_serves_them_again()
    {
        Dictionary<string, byte[]> expected = await BuildLocallyAsync();
        _worker = await _sample.StartWorkerAsync();
        await BuildMinimallyAsync("-p:ReprFallback=fail");
        string[] links = Links();

        await KillRequesterAsync();

        Assert.All(links, link => Assert.ThrowsAny<IOException>(() => File.ReadAllBytes(link)));
        (BuildRun run, IReadOnlyList<JsonElement> records) = await BuildMinimallyAsync("-p:ReprFallback=fail");
        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Empty(records);
        SmallProject.AssertSame(expected, _sample.Outputs());

        // Without a worker, what cannot be read is built here.
        await KillRequesterAsync();
        BuildRun local = (await _sample.BuildAsync(null)).Run;
        Assert.True(local.ExitCode == 0, local.Output);
        Assert.Empty(Links());
        SmallProject.AssertSame(expected, _sample.Outputs());
    }

    [Fact]
    public async Task What_the_worker_has_lost_is_built_again_by_the_next_build()
    {
        await BuildLocallyAsync();
        _worker = await _sample.StartWorkerAsync();
        await BuildMinimallyAsync("-p:ReprFallback=fail");
        Assert.NotEmpty(Links());
        await _worker.StopAsync();
        Directory.Delete(Path.Combine(_worker.Data, "cas"), recursive: true);
        await _worker.StartAsync();
        await ChangeAsync();

        (BuildRun run, IReadOnlyList<JsonElement> records) = await BuildMinimallyAsync("-p:ReprFallback=fail");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.InRange(run.CountOf("warning REPR1210"), 1, 2); // one for each node
        Assert.All(records, record => Assert.Equal("remote", record.GetProperty("outcome").GetString()));
        Assert.NotEmpty(Links());
        Dictionary<string, byte[]> rebuilt = _sample.Outputs();
        SmallProject.CleanOutputs(_sample.Directory);
        SmallProject.AssertSame(await BuildLocallyAsync(), rebuilt);
    }

    [Fact]
    public async Task When_the_worker_is_gone_the_next_build_is_a_local_one()
    {
        Dictionary<string, byte[]> expected = await BuildLocallyAsync();
        _worker = await _sample.StartWorkerAsync();
        await BuildMinimallyAsync("-p:ReprFallback=fail");
        await _worker.KillAsync();

        BuildRun run = (await BuildMinimallyAsync()).Run;

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.InRange(run.CountOf("warning REPR1210"), 1, 2);
        Assert.Empty(Links());
        SmallProject.AssertSame(expected, _sample.Outputs());
    }

    [Fact]
    public async Task Where_nothing_can_be_mounted_all_is_downloaded()
    {
        Dictionary<string, byte[]> expected = await BuildLocallyAsync();
        _worker = await _sample.StartWorkerAsync();
        Directory.CreateDirectory(RuntimeDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await File.WriteAllTextAsync(Path.Combine(RuntimeDirectory, "content"), "in the way", TestContext.Current.CancellationToken);

        BuildRun run = (await BuildMinimallyAsync("-p:ReprFallback=fail")).Run;

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.InRange(run.CountOf("warning REPR1211"), 1, 2);
        Assert.Empty(Links());
        SmallProject.AssertSame(expected, _sample.Outputs());
    }

    private async Task<Dictionary<string, byte[]>> BuildLocallyAsync()
    {
        BuildRun local = (await _sample.BuildAsync(null)).Run;
        Assert.True(local.ExitCode == 0, local.Output);
        Dictionary<string, byte[]> outputs = _sample.Outputs();
        SmallProject.CleanOutputs(_sample.Directory);
        return outputs;
    }

    private Task<(BuildRun Run, IReadOnlyList<JsonElement> Records)> BuildMinimallyAsync(params string[] arguments)
    {
        _sample.Environment["REPR_RUNTIME_DIR"] = RuntimeDirectory;
        _sample.Environment["REPR_CACHE_DIR"] = Path.Combine(_sample.Directory, "cache-minimal");
        return _sample.BuildAsync(_worker, ["-p:ReprDownload=minimal", .. arguments]);
    }

    private Task ChangeAsync() => File.AppendAllTextAsync(
        Path.Combine(_sample.Directory, "tally/luhn.cpp"), "\nint changed_by_the_test = 7;\n", TestContext.Current.CancellationToken);

    private string[] Links() =>
        [.. Directory.EnumerateFiles(_sample.Directory, "*", SearchOption.AllDirectories).Where(file => new FileInfo(file).LinkTarget is not null)];

    private static long BytesOf(IEnumerable<JsonElement> records) => records.Sum(record => record.GetProperty("downloaded_bytes").GetInt64());

    // What is not between: libraries and programs.
    private static Dictionary<string, byte[]> FinalOf(Dictionary<string, byte[]> outputs) =>
        outputs.Where(output => output.Key.Contains("/bin/", StringComparison.Ordinal)).ToDictionary();

    private async Task<long> HydratedAsync()
    {
        string door = Assert.Single(Directory.EnumerateFiles(RuntimeDirectory, "door-*.sock"));
        string repr = Path.Combine(Repository.Product, "repr.dll");
        BuildRun status = await PackedSdk.RunAsync(_sample.Directory, [repr, "status", "--json", "--door", door], []);
        return long.Parse(JsonDocument.Parse(status.Output).RootElement.GetProperty("hydrated_files").GetString()!, CultureInfo.InvariantCulture);
    }

    private async Task KillRequesterAsync()
    {
        int id = Assert.Single(ProcessTable.Find(Path.Combine(RuntimeDirectory, "door-")));
        await ProcessTable.KillAsync(id);
        while (ProcessTable.Find(Path.Combine(RuntimeDirectory, "door-")).Count > 0)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
