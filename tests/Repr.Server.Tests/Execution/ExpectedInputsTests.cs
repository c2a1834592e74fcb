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
        Assert.Null(_expected.Of(s_command));
        _expected.Learn(s_command, s_inputs, isForetold: false);
        for (int use = 0; use < ExpectedInputs.Uses; use++)
        {
            Assert.Equal(s_inputs, _expected.Of(s_command)!);
            _expected.Learn(s_command, s_inputs, isForetold: true);
        }

        Assert.Empty(_expected.Of(s_command)!);
        _expected.Learn(s_command, s_inputs, isForetold: false);
        Assert.Equal(s_inputs, _expected.Of(s_command)!);
        Assert.Null(_expected.Of(Digest.Compute("another"u8)));
    }

    [Fact]
    public void What_others_have_seen_is_watched_too_after_a_while()
    {
        for (int use = 0; use < ExpectedInputs.Uses; use++)
        {
            Assert.NotEqual([], _expected.Of(s_command) ?? s_inputs);
            _expected.Learn(s_command, s_inputs, isForetold: true);
        }

        Assert.Empty(_expected.Of(s_command)!);
    }

    [Fact]
    public void What_looks_at_very_much_is_not_remembered()
    {
        _expected.Learn(s_command, s_inputs, isForetold: false);
        _expected.Learn(s_command, [.. Enumerable.Range(0, 10_001).Select(static i => new ObservedInput(VirtualPath.Parse($"/{i}"), ObservedKind.Read))], isForetold: true);

        Assert.Null(_expected.Of(s_command));
    }

    /// <summary>Real runs: what a tool has no use for any more is an input of it for a while, and then no more.</summary>
    [Fact]
    public async Task A_tool_that_has_lost_interest_in_a_file_is_seen_to()
    {
        Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
        Assert.SkipWhen(Environment.UserName != "root", "Only root's workers put anything before a tool.");
        await using TestRequester requester = await TestRequester.ConnectAsync(worker.Address);
        DirectoryInfo headers = Directory.CreateDirectory($"/var/tmp/repr-expected-{Guid.NewGuid():N}"); // not below /tmp, of which nobody is told
        string header = Path.Combine(headers.FullName, "old.h");
        List<bool> looked = [];
        try
        {
            await File.WriteAllTextAsync(header, "int old;\n", TestContext.Current.CancellationToken);
            for (int run = 0; run < ExpectedInputs.Uses + 3; run++)
            {
                _project.Write("main.c", $"{(run == 0 ? $"#include \"{header}\"\n" : "")}int run{run};\n");
                Protocol.V1.Completed completed = await requester.ExecuteAsync(_project.Command(["/usr/bin/gcc", "-c", "main.c", "-o", "main.o"]));
                Assert.Equal((0, ""), (completed.Exit.Code, completed.Failure?.Message ?? ""));
                looked.Add(completed.ObservedInputs.Any(input => input.Path == header));
                foreach ((string path, Protocol.V1.InputFact fact) in requester.Said)
                {
                    if (!path.StartsWith(_project.Directory, StringComparison.Ordinal))
                    {
                        _project.Facts.TryAdd(path, fact);
                    }
                }
            }
        }
        finally
        {
            headers.Delete(recursive: true);
        }

        Assert.True(looked[1]); // it was put before it
        Assert.False(looked[^1]);
    }
}
