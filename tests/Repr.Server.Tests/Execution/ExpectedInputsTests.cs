using Repr.Server.Execution;
using Repr.Server.Tests.Results;
using Repr.Server.Tests.Sessions;

namespace Repr.Server.Tests.Execution;

/// <summary>What a command looked at the last time.</summary>
public sealed class ExpectedInputsTests(WorkerFixture worker) : IClassFixture<WorkerFixture>, IDisposable
{
    private static readonly Digest s_command = Digest.Compute("command"u8);
    private static readonly ObservedInput[] s_inputs = [new(VirtualPath.Parse("/a"), ObservedKind.Read)];

    private readonly ExpectedInputs _expected = new();
    private readonly CacheProject _project = new();

    public void Dispose()
    {
        _expected.Dispose();
        _project.Dispose();
    }

    [Fact]
    public void What_was_foretold_seven_times_is_watched_again()
    {
        Assert.Empty(_expected.Of(s_command, []));
        _expected.Learn(s_command, s_inputs, isForetold: false);
        for (int use = 0; use < ExpectedInputs.Uses; use++)
        {
            Assert.Equal(s_inputs, _expected.Of(s_command, []));
            _expected.Learn(s_command, s_inputs, isForetold: true);
        }

        Assert.Empty(_expected.Of(s_command, s_inputs));
        _expected.Learn(s_command, s_inputs, isForetold: false);
        Assert.Equal(s_inputs, _expected.Of(s_command, []));
        Assert.Empty(_expected.Of(Digest.Compute("another"u8), []));
    }

    [Fact]
    public void What_is_known_elsewhere_is_foretold_but_watched_by_chance()
    {
        ILookup<bool, IReadOnlyList<ObservedInput>> drawn = Enumerable.Range(0, 1000).Select(_ => _expected.Of(s_command, s_inputs)).ToLookup(static inputs => inputs.Count > 0);

        Assert.InRange(drawn[false].Count(), 50, 250); // of eight, one
        Assert.All(drawn[true], static inputs => Assert.Equal(s_inputs, inputs));
    }

    [Fact]
    public void Of_what_looks_at_very_much_nothing_is_foretold()
    {
        ObservedInput[] many = [.. Enumerable.Range(0, 10_001).Select(static i => new ObservedInput(VirtualPath.Parse($"/{i}"), ObservedKind.Read))];
        Assert.Empty(_expected.Of(s_command, many));
        _expected.Learn(s_command, s_inputs, isForetold: false);
        _expected.Learn(s_command, many, isForetold: true);

        Assert.Empty(_expected.Of(s_command, s_inputs));
    }

    /// <summary>Real runs: a worker that was started again has forgotten what it saw, but knows results.</summary>
    [Fact]
    public async Task What_the_last_known_result_depends_on_is_foretold_after_a_restart()
    {
        Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
        Assert.SkipWhen(Environment.UserName != "root", "Only root's workers put anything before a tool.");
        using Headers headers = new();
        bool[] before = await CompileAllAsync(headers, $"#include \"{headers.Header}\"\nint main;\n");
        await worker.RestartAsync();
        bool[] after = await CompileAllAsync(headers, "int main;\n");

        Assert.DoesNotContain(false, before);
        Assert.Contains(true, after); // it was put before most of them; one of eight is watched, by chance
    }

    private async Task<bool[]> CompileAllAsync(Headers headers, string source)
    {
        await using TestRequester requester = await TestRequester.ConnectAsync(worker.Address);
        _project.Write("main.c", source);
        List<bool> looked = [];
        for (int command = 0; command < 8; command++)
        {
            looked.Add(await HasLookedAsync(requester, ["/usr/bin/gcc", $"-DCOMMAND={command}", "-c", "main.c", "-o", "main.o"], headers.Header));
        }

        return [.. looked];
    }

    private async Task<bool> HasLookedAsync(TestRequester requester, string[] command, string header)
    {
        Protocol.V1.Completed completed = await requester.ExecuteAsync(_project.Command(command));
        Assert.Equal((0, ""), (completed.Exit.Code, completed.Failure?.Message ?? ""));
        Assert.Null(completed.Cached);
        foreach ((string path, Protocol.V1.InputFact fact) in requester.Said)
        {
            if (!path.StartsWith(_project.Directory, StringComparison.Ordinal))
            {
                _project.Facts.TryAdd(path, fact);
            }
        }

        return completed.ObservedInputs.Any(input => input.Path == header);
    }

    /// <summary>Real runs: what a tool has no use for any more is an input of it for a while, and then no more.</summary>
    [Fact]
    public async Task A_tool_that_has_lost_interest_in_a_file_is_seen_to()
    {
        Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
        Assert.SkipWhen(Environment.UserName != "root", "Only root's workers put anything before a tool.");
        await using TestRequester requester = await TestRequester.ConnectAsync(worker.Address);
        using Headers headers = new();
        List<bool> looked = [];
        for (int run = 0; run < ExpectedInputs.Uses + 3; run++)
        {
            _project.Write("main.c", $"{(run == 0 ? $"#include \"{headers.Header}\"\n" : "")}int run{run};\n");
            looked.Add(await HasLookedAsync(requester, ["/usr/bin/gcc", "-c", "main.c", "-o", "main.o"], headers.Header));
        }

        Assert.True(looked[1]); // it was put before it
        Assert.False(looked[^1]);
    }

    /// <summary>A header in a directory of its own, not below /tmp, of which nobody is told.</summary>
    private sealed class Headers : IDisposable
    {
        private readonly DirectoryInfo _directory = Directory.CreateDirectory($"/var/tmp/repr-expected-{Guid.NewGuid():N}");

        public Headers()
        {
            Header = Path.Combine(_directory.FullName, "old.h");
            File.WriteAllText(Header, "int old;\n");
        }

        public string Header { get; }

        public void Dispose() => _directory.Delete(recursive: true);
    }
}
