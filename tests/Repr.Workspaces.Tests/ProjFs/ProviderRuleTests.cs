using Microsoft.Extensions.Logging.Abstractions;
using Repr.Testing;
using Repr.Workspaces.ProjFs;

namespace Repr.Workspaces.Tests.ProjFs;

/// <summary>
/// The rules for a provider that the documentation and other providers' experience gave, each against the double; docs/windows.md
/// lists them. The tool's calls are made by threads of their own, as the file system makes them.
/// </summary>
[Collection(Contract.ProjectedCollection.Name)]
public sealed partial class ProviderRuleTests : IAsyncLifetime
{
    private readonly string _staging = Directory.CreateTempSubdirectory("repr-staging-").FullName;
    private readonly List<ProjectedDirectory> _directories = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private MemoryFileSource Files { get; } = new MemoryFileSource().AddDirectory("/C:/src");

    private ProjectedTool Tool => new(_staging);

    public ValueTask InitializeAsync()
    {
        ProjectedTool.Set(default);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ProjectedDirectory directory in _directories)
        {
            await directory.DisposeAsync();
        }

        if (Path.Exists(Path.Combine(_staging, "C")))
        {
            Tool.AssertNoViolation();
        }

        Directory.Delete(_staging, recursive: true); // possible only after the stop
    }

    [Fact]
    public async Task Rule_1_the_stop_answers_what_is_pending_first_and_a_late_answer_is_dropped()
    {
        TaskCompletionSource late = new();
        TaskCompletionSource asked = new();
        Files.AddFile("/C:/src/f", "x").BeforeContent = async (_, _) =>
        {
            asked.SetResult();
            await late.Task; // heeds no cancellation
        };
        CapturingSource source = new(Files);
        ProjectedDirectory directory = await StartAsync(files: source);
        Task<int> reading = ProjectedTool.OnThread(() => Tool.Read(@"C\src\f", out _));
        await asked.Task.WaitAsync(Cancellation);

        await directory.StopAsync().WaitAsync(Cancellation);
        Assert.Equal(HResult.OperationAborted, await reading.WaitAsync(Cancellation));
        late.SetResult();
        await WaitAsync(() => source.Handle is { IsClosed: true }); // the content came, and was given up

        Assert.Null(directory.Failure);
        Tool.AssertNoViolation();
        Assert.Equal(0u, Tool.Count(DoubleCount.Late));
    }

    [Fact]
    public async Task Rule_1_stops_in_the_middle_of_everything_use_nothing_that_is_gone()
    {
        for (int i = 0; i < 64; i++)
        {
            Files.AddFile($"/C:/src/f{i}", new string('x', 5000));
        }

        for (int round = 0; round < 25; round++)
        {
            string staging = Path.Combine(_staging, "round" + round);
            ProjectedDirectory directory = await ProjectedDirectory.StartAsync(
                staging, new LateSource(Files), new NativeProjFs(), new ProjectedDirectoryOptions(), NullLogger.Instance);
            ProjectedTool tool = new(staging);
            int read = 0;
            Task<int>[] tools =
            [
                .. Enumerable.Range(0, 8).Select(thread => ProjectedTool.OnThread(() =>
                {
                    for (int i = 0; i < 64; i++)
                    {
                        _ = i % 16 == 0 ? tool.List(@"C\src", out _) : tool.Read($@"C\src\f{(i + (thread * 8)) % 64}", out _, length: 16);
                        Interlocked.Increment(ref read);
                    }

                    return 0;
                })),
            ];
            await WaitAsync(() => Volatile.Read(ref read) > round * 20);

            await directory.StopAsync();
            await Task.WhenAll(tools);

            Assert.Null(directory.Failure);
            tool.AssertNoViolation();
        }
    }

    [Fact]
    public async Task Rule_2_a_cancelled_command_lets_the_tool_go_on_and_does_not_answer_another_one()
    {
        TaskCompletionSource release = new();
        TaskCompletionSource asked = new();
        CancellationToken seen = default;
        Files.AddFile("/C:/src/f", "first").AddFile("/C:/src/g", "second").BeforeContent = async (path, cancellationToken) =>
        {
            if (path.Name == "f" && !asked.Task.IsCompleted)
            {
                seen = cancellationToken;
                asked.SetResult();
                await release.Task;
            }
        };
        ProjectedDirectory directory = await StartAsync();
        Task<int> reading = ProjectedTool.OnThread(() => Tool.Read(@"C\src\f", out _));
        await asked.Task.WaitAsync(Cancellation);

        await WaitAsync(() => Tool.Count(DoubleCount.Pending) == 1);
        Assert.Equal(1, await ProjectedTool.OnThread(Tool.Cancel));
        Assert.Equal(HResult.OperationAborted, await reading.WaitAsync(Cancellation));
        Assert.True(seen.IsCancellationRequested);
        release.SetResult();

        Assert.Equal("second", await ProjectedTool.OnThread(() => Tool.ReadText(@"C\src\g")));
        Assert.Equal("first", await ProjectedTool.OnThread(() => Tool.ReadText(@"C\src\f"))); // a second try gets it
        Assert.Null(directory.Failure);
        Tool.AssertNoViolation();
    }

    [Fact]
    public async Task Rule_3_listings_whose_end_never_came_do_not_pile_up()
    {
        ProjectedTool.Set(new DoubleSettings { LoseEnds = 1 });
        Files.AddFile("/C:/src/a", "").AddFile("/C:/src/b", "");
        ProjectedDirectory directory = await StartAsync(new ProjectedDirectoryOptions { MaximumEnumerations = 4 });

        string[][] lists = await ProjectedTool.OnThread(() => Enumerable.Range(0, 50)
            .Select(_ => Tool.List(@"C\src", out string[] names) == 0 ? names : []).ToArray());

        Assert.All(lists, names => Assert.Equal(["a", "b"], names));
        Assert.Equal(4, directory.OpenEnumerations);
        Assert.Equal(0u, Tool.Count(DoubleCount.Ends));
    }

    [Fact]
    public void Rule_3_the_listing_that_was_not_used_for_the_longest_time_is_the_one_that_goes()
    {
        EnumerationSessions sessions = new(new NativeProjFs(), limit: 2);
        ListBuffer buffer = new(100);
        (Guid first, Guid second, Guid third) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        sessions.Start(first, [Line("1")]);
        sessions.Start(second, [Line("2")]);
        sessions.Fill(first, "*", false, false, buffer);
        sessions.Start(third, [Line("3")]);

        Assert.Equal(HResult.InvalidHandle, sessions.Fill(second, "*", false, false, buffer));
        Assert.Equal(HResult.Ok, sessions.Fill(first, "*", true, false, buffer));
        Assert.Equal(HResult.Ok, sessions.Fill(third, "*", false, false, buffer));
        Assert.Equal(["1", "1", "3"], buffer.Names);
    }

    [Theory]
    [InlineData(1u, false)]
    [InlineData(3u, false)]
    [InlineData(64u, false)]
    [InlineData(64u, true)]
    public async Task Rule_4_listings_come_in_the_file_systems_order_and_begin_again_when_told(uint entries, bool oneByOne)
    {
        ProjectedTool.Set(new DoubleSettings { BufferEntries = entries, SingleEntries = oneByOne ? 1u : 0 });
        string[] names = ["_x.h", "B.c", "a.c", "a.cpp", "Zz", "zA", "ä", "Ö", "a b", "a-b", "a_b", "1", "10", "2", "я", "А"];
        Array.ForEach(names, name => Files.AddFile("/C:/src/" + name, name));
        ProjectedDirectory directory = await StartAsync();
        string[] expected = [.. names.Order(Comparer<string>.Create(new NativeProjFs().CompareNames))];

        (string[] all, string[] again, string[] some) = await ProjectedTool.OnThread(() =>
        {
            Assert.Equal(0, Tool.List(@"C\src", out string[] first));
            Assert.Equal(0, Tool.List(@"C\src", out string[] second, restart: true));
            Assert.Equal(0, Tool.List(@"C\src", out string[] third, "a*.C", restart: true));
            return (first, second, third);
        });

        Assert.Equal(expected, all);
        Assert.Equal(expected, again);
        Assert.Equal(["a.c"], some);
        Tool.AssertNoViolation(); // the double has checked the order, in buffers and across them
        Assert.Equal(0, directory.OpenEnumerations);
        Assert.InRange(Tool.Count(DoubleCount.Gets), oneByOne ? 32 : 32 / entries, uint.MaxValue); // the buffers were as short as that
    }

    [Fact]
    public void Rule_5_a_first_line_that_does_not_fit_is_said_and_not_lost()
    {
        EnumerationSessions sessions = new(new NativeProjFs(), limit: 8);
        Guid id = Guid.NewGuid();
        sessions.Start(id, [Line("1"), Line("2"), Line("3")]);
        ListBuffer nothing = new(0);
        ListBuffer two = new(2);
        ListBuffer rest = new(2);

        Assert.Equal(HResult.InsufficientBuffer, sessions.Fill(id, null, false, false, nothing));
        Assert.Equal(HResult.Ok, sessions.Fill(id, "ignored", false, false, two));
        Assert.Equal(HResult.Ok, sessions.Fill(id, "ignored", false, false, rest));
        Assert.Equal(HResult.Ok, sessions.Fill(id, "ignored", false, false, nothing)); // the end: no line, no error

        Assert.Equal(["1", "2"], two.Names);
        Assert.Equal(["3"], rest.Names);
    }

    [Fact]
    public async Task Rule_6_a_placeholder_has_the_requesters_spelling_and_time()
    {
        Files.AddFile("/C:/src/Dir/File.H", "text");
        await StartAsync();

        (string spelled, PrjFileBasicInfo info) = await ProjectedTool.OnThread(() =>
        {
            Assert.Equal(0, Tool.Stat(@"c\SRC\dir\FILE.h", out PrjFileBasicInfo found, out string text));
            return (text, found);
        });

        Assert.Equal(@"C\src\Dir\File.H", spelled);
        Assert.Equal((0, 4L), (info.IsDirectory, info.FileSize));
        Assert.Equal(MemoryFileSource.ModifiedNs / 100, (DateTime.FromFileTimeUtc(info.LastWriteTime) - DateTime.UnixEpoch).Ticks);
        string local = Path.Combine(_staging, "C", "src", "Dir", "File.H");
        Assert.Equal(4, new FileInfo(local).Length);
        Assert.Equal(0, await ProjectedTool.OnThread(() => Tool.Read(@"C\src\Dir\File.H", out _)));
        Assert.Equal(DateTime.FromFileTimeUtc(info.LastWriteTime), File.GetLastWriteTimeUtc(local));
    }

    [Fact]
    public async Task Rule_7_only_absence_is_remembered_and_only_for_this_action()
    {
        Files.AddFile("/C:/src/f", "x");
        ProjectedDirectory directory = await StartAsync();
        int[] missing = await ProjectedTool.OnThread(() => new[] { Tool.Open(@"C\src\later.h"), Tool.Open(@"C\src\LATER.h") });
        Assert.Equal([ProjectedTool.NotFound, ProjectedTool.NotFound], missing);
        Assert.Equal(1u, Tool.Count(DoubleCount.Negative));
        await directory.StopAsync();
        Files.AddFile("/C:/src/later.h", "now");
        string staging = Path.Combine(_staging, "next");

        ProjectedDirectory next = await StartAsync(staging: staging);

        Assert.Equal("now", await ProjectedTool.OnThread(() => new ProjectedTool(staging).ReadText(@"C\src\later.h")));
        Files.BeforeAnswer = (_, _) => throw new ReprException(ReprErrorCode.Unavailable, "No.");
        Assert.Equal(HResult.OperationAborted, await ProjectedTool.OnThread(() => new ProjectedTool(staging).Open(@"C\src\d\g")));
        Assert.Equal(0u, new ProjectedTool(staging).Count(DoubleCount.Negative));
        Assert.Equal("No.", next.Failure!.Message);
    }

    [Fact]
    public async Task Rule_8_a_projected_directory_is_not_renamed_and_nothing_leaves_the_root()
    {
        Files.AddFile("/C:/src/d/f", "x");
        ProjectedDirectory directory = await StartAsync();

        List<int> results = await ProjectedTool.OnThread(() => new List<int>
        {
            Tool.Rename(@"C\src\d", @"C\src\e"), Tool.Rename(@"C\src\d\f", null), Tool.Link(@"C\src\d\f", null), Tool.Rename(@"C\src\d\f", @"C\src\g"),
            Tool.Link(@"C\src\g", @"C\src\h"),
        });

        Assert.Equal([unchecked((int)0x80070032), HResult.AccessDenied, HResult.AccessDenied, 0, 0], results);
        IReadOnlyList<WorkspaceChange> changes = await directory.CollectChangesAsync(Cancellation);
        Assert.Equal(["/C:/src/d/f", "/C:/src/g", "/C:/src/h"], changes.Select(change => change.Path.Text));
        Assert.Equal("x", await File.ReadAllTextAsync(changes[1].LocalPath!, Cancellation));
        Assert.Equal("x", await File.ReadAllTextAsync(changes[2].LocalPath!, Cancellation));
    }

    [Fact]
    public async Task Rule_9_a_root_within_a_root_is_refused_with_what_to_do()
    {
        await StartAsync();

        ReprException exception = await Assert.ThrowsAsync<ReprException>(() => StartAsync(staging: Path.Combine(_staging, "C")));

        Assert.Equal(ReprErrorCode.Unavailable, exception.Code);
        Assert.Contains("in no other root", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rule_10_what_is_read_lies_on_the_disk_and_is_counted()
    {
        Files.AddFile("/C:/src/f", "12345").AddFile("/C:/src/g", "678").AddFile("/C:/src/probed", "x");
        ProjectedDirectory directory = await StartAsync();

        await ProjectedTool.OnThread(() => (Tool.ReadText(@"C\src\f"), Tool.ReadText(@"C\src\f"), Tool.ReadText(@"C\src\g"), Tool.Open(@"C\src\probed"), Tool.Open(@"C\src\no")));

        ProjectionStatistics statistics = directory.Statistics;
        Assert.Equal((5, 2, 8), (statistics.Placeholders, statistics.HydratedFiles, statistics.HydratedBytes));
        Assert.Equal("12345", await File.ReadAllTextAsync(Path.Combine(_staging, "C", "src", "f"), Cancellation));
        Assert.InRange(statistics.Questions, 8, 12);
    }

    [Fact]
    public async Task Rule_11_without_its_provider_a_tool_gets_an_error_and_no_wrong_content()
    {
        Files.AddFile("/C:/src/f", "x");
        ProjectedDirectory directory = await StartAsync();
        Assert.Equal(0, await ProjectedTool.OnThread(() => Tool.Open(@"C\src\f")));

        await directory.StopAsync();

        Assert.Equal(unchecked((int)0x80070171), await ProjectedTool.OnThread(() => Tool.Read(@"C\src\f", out _)));
    }

    [Fact]
    public async Task Rule_12_an_answer_that_does_not_come_in_time_is_a_failure()
    {
        Files.AddFile("/C:/src/f", "x").BeforeContent = async (_, _) => await new TaskCompletionSource().Task;
        TaskCompletionSource<ReprException> failed = new();
        ProjectedDirectory directory = await StartAsync(
            new ProjectedDirectoryOptions { CommandLimit = TimeSpan.FromSeconds(1), OnFailure = failed.SetResult });

        Assert.Equal(HResult.OperationAborted, await ProjectedTool.OnThread(() => Tool.Read(@"C\src\f", out _)));

        Assert.Equal("A file of the requester did not arrive within 1 seconds. Try again.", (await failed.Task.WaitAsync(Cancellation)).Message);
        Assert.Equal(ReprErrorCode.Unavailable, directory.Failure!.Code);
    }

    [Fact]
    public async Task Rule_13_this_process_sees_placeholders_without_content_and_the_states_tell_what_is_a_result()
    {
        Files.AddFile("/C:/src/probed", "text").AddFile("/C:/src/read", "text").AddFile("/C:/src/gone", "").AddFile("/C:/src/touched", "text");
        await StartAsync();
        await ProjectedTool.OnThread(() => (Tool.Open(@"C\src\probed"), Tool.ReadText(@"C\src\read"), Tool.Delete(@"C\src\gone"), Tool.Touch(@"C\src\touched"),
            Tool.Write(@"C\src\new", "x")));
        string Local(string name) => Path.Combine(_staging, "C", "src", name);

        Assert.Equal("\0\0\0\0", await File.ReadAllTextAsync(Local("probed"), Cancellation));
        PrjFileState[] states = [.. new[] { "probed", "read", "gone", "touched", "new" }.Select(name =>
        {
            Assert.Equal(0, new NativeProjFs().GetState(Local(name), out PrjFileState state));
            return state;
        })];
        Assert.Equal(
            [
                PrjFileState.Placeholder, PrjFileState.Placeholder | PrjFileState.HydratedPlaceholder, PrjFileState.Tombstone,
                PrjFileState.Placeholder | PrjFileState.DirtyPlaceholder, PrjFileState.Full,
            ],
            states);
    }

    [Fact]
    public async Task Rule_14_few_threads_are_enough_for_many_files_that_are_waited_for()
    {
        const int Count = 60;
        TaskCompletionSource release = new();
        int waiting = 0;
        for (int i = 0; i < Count; i++)
        {
            Files.AddFile($"/C:/src/f{i}", $"{i}");
        }

        Files.BeforeContent = async (_, _) =>
        {
            Interlocked.Increment(ref waiting);
            await release.Task;
        };
        await StartAsync(new ProjectedDirectoryOptions { Threads = 2 });
        Task<string?>[] reads = [.. Enumerable.Range(0, Count).Select(i => ProjectedTool.OnThread(() => Tool.ReadText($@"C\src\f{i}")))];
        await WaitAsync(() => Volatile.Read(ref waiting) == Count);
        release.SetResult();

        Assert.Equal(Enumerable.Range(0, Count).Select(i => $"{i}"), await Task.WhenAll(reads));
        Assert.InRange(Tool.Count(DoubleCount.MostRunning), 1u, 2u);
        Assert.InRange(Tool.Count(DoubleCount.MostPending), 2u, (uint)Count);
    }

    private async Task<ProjectedDirectory> StartAsync(
        ProjectedDirectoryOptions? options = null, string? staging = null, IFileSource? files = null)
    {
        ProjectedDirectory directory = await ProjectedDirectory.StartAsync(
            staging ?? _staging, files ?? Files, new NativeProjFs(), options ?? new ProjectedDirectoryOptions(), NullLogger.Instance);
        _directories.Add(directory);
        return directory;
    }

    private static ProjectedLine Line(string name) => new(name, default);

    private static async Task WaitAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(1, Cancellation);
        }
    }

    private sealed class ListBuffer(int capacity) : IDirectoryBuffer
    {
        public List<string> Names { get; } = [];

        public int Add(string name, in ProjectedEntry entry)
        {
            if (Names.Count == capacity)
            {
                return HResult.InsufficientBuffer;
            }

            Names.Add(name);
            return HResult.Ok;
        }
    }
}
