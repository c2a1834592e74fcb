using Repr.Requester.Actions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Actions;

public sealed class RunDerivationTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void The_program_is_found_on_the_path_of_the_command_and_keeps_its_name()
    {
        Wire.Run run = CompleteIn("", "sh", "-c", "true");

        Assert.Equal("/bin/sh", run.Command.Program);
        Assert.Equal("sh", run.Command.Arguments[0]);
        Assert.Equal("sh true", run.Description);
        Assert.NotEmpty(run.PredictionKey);
    }

    [Fact]
    public void A_program_that_is_not_there_is_named()
    {
        ReprException failure = Assert.Throws<ReprException>(() => CompleteIn("", "no-such-program"));

        Assert.Contains("'no-such-program'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_may_change_its_repository_and_a_compiler_only_the_places_of_its_outputs()
    {
        Directory.CreateDirectory(_files.At("repo/.git"));
        Directory.CreateDirectory(_files.At("repo/sub/out"));
        Directory.CreateDirectory(_files.At("elsewhere"));
        File.WriteAllText(_files.At("repo/sub/a.c"), "");

        Wire.Run any = CompleteIn("repo/sub", "sh", "-c", "true");
        Wire.Run compile = CompleteIn("repo/sub", "gcc", "-c", "a.c", "-o", "../../elsewhere/a.o");

        Assert.Equal([_files.At("repo"), _files.At("repo/sub")], any.WriteRoots.Order());
        Assert.Contains(_files.At("repo"), any.ReadRoots);
        Assert.Equal([_files.At("elsewhere"), _files.At("repo/sub")], compile.WriteRoots.Order());
        Assert.Contains(_files.At("repo"), compile.ReadRoots);
        Assert.Contains(_files.At("repo/sub/a.c"), compile.Inputs);
    }

    [Fact]
    public void Neither_the_home_directory_nor_what_is_above_it_is_a_root()
    {
        Directory.CreateDirectory(_files.At("home/src"));
        Wire.Run run = NewRun("home", "sh", _files.At("home"), "/", "/tmp");
        run.Command.Environment["HOME"] = _files.At("home");

        Wire.Run completed = RunDerivation.Complete(run, RequesterFixture.Predictors).Run;

        Assert.DoesNotContain(_files.At("home"), completed.ReadRoots.Concat(completed.WriteRoots));
        Assert.DoesNotContain("/", completed.ReadRoots.Concat(completed.WriteRoots));
        Assert.DoesNotContain("/tmp", completed.ReadRoots.Concat(completed.WriteRoots));
    }

    [Fact]
    public void Secrets_and_what_belongs_to_this_machine_stay_here()
    {
        Wire.Run run = NewRun("", "sh");
        run.Command.Environment.Add("GITHUB_TOKEN", "x");
        run.Command.Environment.Add("MY_PASSWORD", "x");
        run.Command.Environment.Add("SSH_AUTH_SOCK", "x");
        run.Command.Environment.Add("CFLAGS", "-O2");
        run.Command.Environment.Add("MAKEFLAGS", "s -j4 --jobserver-auth=3,4 -- A=b");

        Wire.Run completed = RunDerivation.Complete(run, RequesterFixture.Predictors).Run;

        Assert.Equal(["CFLAGS", "HOME", "MAKEFLAGS", "PATH"], completed.Command.Environment.Keys.Order());
        Assert.Equal("s -- A=b", completed.Command.Environment["MAKEFLAGS"]);
    }

    private Wire.Run CompleteIn(string directory, params string[] arguments) => RunDerivation.Complete(NewRun(directory, arguments), RequesterFixture.Predictors).Run;

    private Wire.Run NewRun(string directory, params string[] arguments)
    {
        Wire.Run run = new()
        {
            Derive = true,
            Command = new Wire.Command { WorkingDirectory = Path.TrimEndingDirectorySeparator(_files.At(directory)) },
        };
        run.Command.Arguments.AddRange(arguments);
        run.Command.Environment.Add("PATH", "/bin:/usr/bin");
        run.Command.Environment.Add("HOME", "/home/nobody");
        return run;
    }
}
