using Repr.Build.Cxx;

namespace Repr.Build.Tests.Cxx;

public sealed class StepStateTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-step-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_was_made_by_the_same_command_from_the_same_files_is_up_to_date()
    {
        Step step = Make();

        Assert.True(new StepState(step, _directory).IsUpToDate(out _));
        Assert.False(new StepState(step with { Arguments = [.. step.Arguments, "-O2"] }, _directory).IsUpToDate(out _));
    }

    [Theory]
    [InlineData("a.cpp", true)]
    [InlineData("b.h", true)]
    [InlineData("c.h", false)]
    public void A_change_of_what_was_read_matters(string file, bool matters)
    {
        Step step = Make();

        File.SetLastWriteTimeUtc(Path.Combine(_directory, file), DateTime.UtcNow.AddSeconds(1));

        Assert.Equal(!matters, new StepState(step, _directory).IsUpToDate(out string reason));
        Assert.Equal(matters, reason.Contains(file, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("obj/a.o")]
    [InlineData("obj/a.d")]
    [InlineData("obj/a.o.command")]
    [InlineData("b.h")]
    public void What_is_missing_is_made_again(string file)
    {
        Step step = Make();

        File.Delete(Path.Combine(_directory, file));

        Assert.False(new StepState(step, _directory).IsUpToDate(out _));
    }

    [Fact]
    public void A_run_that_did_not_succeed_leaves_nothing_up_to_date()
    {
        Step step = Make();

        new StepState(step, _directory).Begin();

        Assert.False(new StepState(step, _directory).IsUpToDate(out _));
    }

    private Step Make()
    {
        foreach (string name in new[] { "a.cpp", "b.h", "c.h" })
        {
            string path = Path.Combine(_directory, name);
            File.WriteAllText(path, "");
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-1));
        }

        Step step = new()
        {
            Description = "CL a.cpp",
            Arguments = ["/bin/sh", "-DTWO=a\nb", "a.cpp"],
            Outputs = [Path.Combine(_directory, "obj/a.o")],
            Inputs = [Path.Combine(_directory, "a.cpp")],
            DependencyFile = Path.Combine(_directory, "obj/a.d"),
        };
        StepState state = new(step, _directory);
        DateTime began = state.Begin();
        File.WriteAllText(step.Outputs[0], "");
        File.WriteAllText(step.DependencyFile!, "obj/a.o: a.cpp \\\n b.h\n");
        state.Succeeded(began);
        return step;
    }
}
