using System.CommandLine;

namespace Repr.Bench.Tests;

public sealed class CommandLineTests
{
    [Fact]
    public async Task Options_are_what_the_command_line_says()
    {
        (Subject subject, BenchOptions options) = await ReadAsync(
            "--rounds", "5", "--rtt", "0,0.5,20", "--workloads", "csharp,lua5.4", "--tools", "ccache,repr", "--jobs", "3", "--keep",
            "--builds", "remote-known,remote");

        Assert.Equal(Subject.Builds, subject);
        Assert.Equal(5, options.Rounds);
        Assert.Equal([0, 0.5, 20], options.RoundTripsMs);
        Assert.Equal(["csharp", "lua5.4"], options.Workloads);
        Assert.Equal(["repr", "ccache"], options.Tools);
        Assert.Equal(["remote", "remote-known"], options.Builds);
        Assert.Equal(["local", "remote", "remote-known"], Configuration.OfSolutions(options.Builds).Select(static configuration => configuration.Key));
        Assert.Equal(3, options.Jobs);
        Assert.True(options.Keep);
    }

    [Theory]
    [InlineData("--actions", nameof(Subject.Actions))]
    [InlineData("--elsewhere", nameof(Subject.Elsewhere))]
    [InlineData("--workspace", nameof(Subject.Workspace))]
    public async Task A_run_of_its_own_is_asked_for(string option, string expected) =>
        Assert.Equal(expected, (await ReadAsync(option)).Subject.ToString());

    [Theory]
    [InlineData("--rounds is at least 1", "--rounds", "0")]
    [InlineData("--rtt is a list", "--rtt", "-1")]
    [InlineData("--rtt is a list", "--rtt", "0,much")]
    [InlineData("--rtt is a list", "--rtt", "10001")]
    [InlineData("--workloads is a list", "--workloads", "../etc")]
    [InlineData("--workloads is a list", "--workloads", "Zlib")]
    [InlineData("--tools is a list", "--tools", "bazel")]
    [InlineData("--builds is a list", "--builds", "fast")]
    [InlineData("--elsewhere takes known results", "--elsewhere", "--builds", "remote")]
    [InlineData("--solution is the path", "--solution", "/nowhere/at-all.sln")]
    [InlineData("--target needs --solution", "--target", "Build")]
    [InlineData("are runs of their own", "--actions", "--elsewhere")]
    public void What_cannot_be_measured_is_refused_with_a_sentence(string sentence, params string[] arguments)
    {
        ParseResult parsed = CommandLine.Create((_, _, _, _) => Task.FromResult(0)).Parse(["--repository", "/", .. arguments]);

        Assert.Contains(parsed.Errors, error => error.Message.Contains(sentence, StringComparison.Ordinal));
    }

    private static async Task<(Subject Subject, BenchOptions Options)> ReadAsync(params string[] arguments)
    {
        (Subject, BenchOptions)? read = null;
        RootCommand command = CommandLine.Create((subject, options, _, _) =>
        {
            read = (subject, options);
            return Task.FromResult(0);
        });
        Assert.Equal(0, await command.Parse(["--repository", "/", .. arguments]).InvokeAsync(null, TestContext.Current.CancellationToken));
        return read!.Value;
    }
}
