using Microsoft.Build.Utilities;

namespace Repr.Build.Tests;

public sealed class ExecPatternTests
{
    [Theory]
    [InlineData("protoc", "protoc --version", true)]
    [InlineData("protoc", "  protoc", true)]
    [InlineData("protoc", "protoc-gen x", false)]
    [InlineData("protoc", "echo protoc", false)]
    [InlineData("python3 gen.py", "python3 gen.py --all", true)]
    [InlineData("a+b", "a+b c", true)]
    public void A_name_is_what_a_command_begins_with(string name, string command, bool expected) =>
        Assert.Equal(expected, ExecPattern.IsMatch([ExecPattern.ToRegex(new TaskItem(name))], command));

    [Fact]
    public void A_regular_expression_is_found_anywhere()
    {
        TaskItem item = new("generators");
        item.SetMetadata("Regex", @"gen\d+\.py");

        Assert.True(ExecPattern.IsMatch([ExecPattern.ToRegex(item)], "cd x && python3 gen12.py"));
        Assert.False(ExecPattern.IsMatch([ExecPattern.ToRegex(item)], "generators"));
    }

    [Fact]
    public void A_malformed_expression_is_named()
    {
        Assert.NotNull(ExecPattern.FindProblem("("));
        Assert.Null(ExecPattern.FindProblem("x"));
    }
}
