using System.Diagnostics;
using System.Text;
using Repr.Protocol;

namespace Repr.Server.Tests.Sessions;

using Repr.Protocol.V1; // here, so that it hides the types of Repr with the same names

public sealed class SessionTests(WorkerFixture worker) : IClassFixture<WorkerFixture>
{
    [Fact]
    public async Task A_requester_of_another_major_version_is_refused_with_both_versions()
    {
        await using TestRequester requester = new(Address);

        WorkerMessage answer = await requester.SendFirstAsync(TestRequester.Hello(major: 7));

        Assert.Equal(FailureCode.InvalidRequest, answer.Refusal.Code);
        Assert.Contains($"protocol {WireConversions.ProtocolMajor}.{WireConversions.ProtocolMinor}", answer.Refusal.Message, StringComparison.Ordinal);
        Assert.Contains("7.0 (Repr 9.9)", answer.Refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_that_does_not_begin_with_hello_is_refused()
    {
        await using TestRequester requester = new(Address);

        WorkerMessage answer = await requester.SendFirstAsync(new RequesterMessage { Cancel = new Cancel { ActionId = 1 } });

        Assert.Contains("Hello", answer.Refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_requester_on_windows_is_told_that_this_is_linux()
    {
        await using TestRequester requester = new(Address);

        WorkerMessage answer = await requester.SendFirstAsync(TestRequester.Hello(style: PathStyle.Windows));

        Assert.Contains("Linux", answer.Refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tool_runs_in_the_requesters_world_without_any_mapping()
    {
        await using TestRequester requester = await TestRequester.ConnectAsync(Address);

        Completed completed = await requester.ExecuteAsync(TestRequester.Shell(1, "echo out; echo err >&2; id -u; pwd; exit 3"));

        Assert.Equal(3, Exit(completed).Code);
        Assert.Equal("out\n1000\n/\n", requester.TextOf(Text.Types.Stream.Stdout));
        Assert.Equal("err\n", requester.TextOf(Text.Types.Stream.Stderr));
        Assert.True(completed.Questions > 0);
        Assert.Contains(completed.ObservedInputs, input => input.Kind == ObservedInput.Types.Kind.Read);
    }

    [Fact]
    public async Task What_was_observed_is_a_mapping_that_leaves_no_question()
    {
        await using TestRequester requester = await TestRequester.ConnectAsync(Address);
        Completed first = await requester.ExecuteAsync(TestRequester.Shell(1, "cat /etc/passwd >/dev/null; ls /etc/alternatives >/dev/null"));
        Assert.Equal(0, Exit(first).Code);
        Execute second = TestRequester.Shell(2, "cat /etc/passwd >/dev/null; ls /etc/alternatives >/dev/null");
        foreach (ObservedInput input in first.ObservedInputs)
        {
            second.Inputs.Add(await MapAsync(requester, input));
        }

        HashSet<string> mapped = [.. second.Inputs.Select(fact => fact.Path)];
        foreach (string path in Directory.EnumerateFileSystemEntries("/etc/alternatives").Where(path => !mapped.Contains(path)))
        {
            second.Inputs.Add(await MapAsync(requester, new ObservedInput { Path = path, Kind = ObservedInput.Types.Kind.Stated }));
        }

        Completed completed = await requester.ExecuteAsync(second);

        Assert.Equal(0, Exit(completed).Code);
        Assert.Equal(0u, completed.Questions);
    }

    [Fact]
    public async Task Outputs_come_back_by_digest_and_the_rest_is_only_named()
    {
        // Not below /tmp: what happens there is the worker's own affair.
        string directory = Directory.CreateDirectory(Path.Combine("/var/tmp", Path.GetRandomFileName())).FullName;
        await File.WriteAllTextAsync(Path.Combine(directory, "old"), "old", TestContext.Current.CancellationToken);
        await using TestRequester requester = await TestRequester.ConnectAsync(Address);
        Execute execute = TestRequester.Shell(
            1, $"cd {directory}; mkdir out; printf hello >out/a; chmod 755 out/a; ln -s a out/l; rm old; echo x >undeclared", directory + "/out", directory + "/old");
        AddDirectories(execute, directory);

        Completed completed = await requester.ExecuteAsync(execute);

        Assert.Equal(0, Exit(completed).Code);
        Dictionary<string, Output> outputs = completed.Outputs.ToDictionary(output => output.Path, StringComparer.Ordinal);
        Output file = outputs[directory + "/out/a"];
        Assert.Equal("hello", Encoding.UTF8.GetString(await requester.DownloadAsync(file.File.Digest)));
        Assert.Equal(0x1EDu, file.File.Mode);
        Assert.Equal("a", outputs[directory + "/out/l"].SymlinkTarget);
        Assert.NotNull(outputs[directory + "/old"].Deleted);
        Assert.Contains(directory + "/undeclared", completed.UndeclaredWrites);
        Assert.False(Directory.Exists(directory + "/out"), "the worker wrote into its own file system");
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("/a/../b", "'..'")]
    [InlineData("relative", "not absolute")]
    public async Task A_bad_path_in_the_mapping_ends_that_action_only(string path, string reason)
    {
        await using TestRequester requester = await TestRequester.ConnectAsync(Address);
        Execute bad = TestRequester.Shell(1, "exit 0");
        bad.Inputs.Add(new InputFact { Path = path, Absent = new AbsentFact() });

        Completed completed = await requester.ExecuteAsync(bad);

        Assert.Equal(FailureCode.InvalidRequest, completed.Failure.Code);
        Assert.Contains(reason, completed.Failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, Exit(await requester.ExecuteAsync(TestRequester.Shell(2, "exit 0"))).Code);
    }

    [Fact]
    public async Task A_program_that_the_requester_does_not_have_is_no_verdict()
    {
        await using TestRequester requester = await TestRequester.ConnectAsync(Address);
        Execute execute = TestRequester.Shell(1, "");
        execute.Command.Arguments[0] = "/not/there";

        Completed completed = await requester.ExecuteAsync(execute);

        Assert.Equal(FailureCode.InvalidRequest, completed.Failure.Code);
        Assert.Contains("/not/there", completed.Failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_file_ends_the_action_with_the_reason()
    {
        await using TestRequester requester = await TestRequester.ConnectAsync(Address);
        requester.Override = question => question.Path == "/etc/shadow" ? new FileAnswer { Refused = "No shadow for you." } : null;

        Completed completed = await requester.ExecuteAsync(TestRequester.Shell(1, "cat /etc/shadow || true"));

        Assert.Equal(FailureCode.Refused, completed.Failure.Code);
        Assert.Equal("No shadow for you.", completed.Failure.Message);
    }

    [Fact]
    public async Task Exit_code_signal_and_time_out_are_told_apart()
    {
        await using TestRequester requester = await TestRequester.ConnectAsync(Address);
        Execute slow = TestRequester.Shell(3, "sleep 60");
        slow.Command.TimeoutMs = 300;

        Assert.Equal(137, Exit(await requester.ExecuteAsync(TestRequester.Shell(1, "exit 137"))).Code);
        Assert.Equal(9, Exit(await requester.ExecuteAsync(TestRequester.Shell(2, "kill -9 $$"))).Signal);
        Assert.True(Exit(await requester.ExecuteAsync(slow)).TimedOut);
    }

    [Fact]
    public async Task A_cancelled_action_ends_at_once()
    {
        await using TestRequester requester = await TestRequester.ConnectAsync(Address);
        Task<Completed> completed = requester.ExecuteAsync(TestRequester.Shell(1, "sleep 100"));
        await Task.Delay(300, TestContext.Current.CancellationToken);

        await requester.SendAsync(new RequesterMessage { Cancel = new Cancel { ActionId = 1 } });

        Assert.Equal(FailureCode.Cancelled, (await completed.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)).Failure.Code);
    }

    [Fact]
    public async Task More_actions_than_slots_and_queue_are_told_that_the_worker_is_full()
    {
        await using TestRequester requester = await TestRequester.ConnectAsync(Address);
        List<Task<Completed>> actions = [];
        for (ulong id = 1; id <= 7; id++) // 2 slots, 4 waiting, 1 too many
        {
            actions.Add(requester.ExecuteAsync(TestRequester.Shell(id, "sleep 1")));
        }

        Completed[] completed = await Task.WhenAll(actions);

        Completed refused = Assert.Single(completed, action => action.OutcomeCase == Completed.OutcomeOneofCase.Failure);
        Assert.Equal(FailureCode.Exhausted, refused.Failure.Code);
    }

    [Fact]
    public async Task The_end_of_a_session_kills_its_actions()
    {
        string marker = $"repr{Guid.NewGuid():N}";
        TestRequester requester = await TestRequester.ConnectAsync(Address);
        _ = requester.ExecuteAsync(TestRequester.Shell(1, $"sleep 1000; : {marker}"));
        await WaitUntilAsync(() => IsRunning(marker));

        await requester.DisposeAsync();

        await WaitUntilAsync(() => !IsRunning(marker));
    }

    private string Address
    {
        get
        {
            Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
            return worker.Address;
        }
    }

    private static Exit Exit(Completed completed)
    {
        Assert.True(completed.OutcomeCase == Completed.OutcomeOneofCase.Exit, completed.Failure?.ToString());
        return completed.Exit;
    }

    private static void AddDirectories(Execute execute, string directory)
    {
        for (string? path = directory; path is not null; path = Path.GetDirectoryName(path))
        {
            execute.Inputs.Add(new InputFact { Path = path, Directory = new DirectoryFact { Mode = 0x1FF } });
        }
    }

    private static async Task<InputFact> MapAsync(TestRequester requester, ObservedInput input)
    {
        InputFact fact = new() { Path = input.Path };
        if (new FileInfo(input.Path).LinkTarget is { } target)
        {
            fact.SymlinkTarget = target;
        }
        else if (Directory.Exists(input.Path))
        {
            fact.Directory = new DirectoryFact { Mode = 0x1ED, Complete = input.Kind == ObservedInput.Types.Kind.Listed };
        }
        else if (File.Exists(input.Path))
        {
            byte[] content = await File.ReadAllBytesAsync(input.Path);
            fact.File = new FileFact
            {
                SizeBytes = content.Length,
                Mode = (uint)File.GetUnixFileMode(input.Path),
                Digest = input.Kind == ObservedInput.Types.Kind.Read ? Repr.Digest.Compute(content).ToWire() : null,
            };
        }
        else
        {
            fact.Absent = new AbsentFact();
        }

        _ = requester;
        return fact;
    }

    private static bool IsRunning(string marker) => Directory.EnumerateDirectories("/proc")
        .Where(directory => int.TryParse(Path.GetFileName(directory), out _))
        .Any(directory =>
        {
            try
            {
                return File.ReadAllText(directory + "/cmdline").Contains(marker, StringComparison.Ordinal)
                    || File.ReadAllText(directory + "/environ").Contains(marker, StringComparison.Ordinal);
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        });

    private static async Task WaitUntilAsync(Func<bool> condition)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30), "waited for 30 s in vain");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }
}
