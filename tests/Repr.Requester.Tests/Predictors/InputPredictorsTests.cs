using Microsoft.Extensions.Logging.Abstractions;
using Repr.Requester.Actions;
using Repr.Requester.Predictors;

namespace Repr.Requester.Tests.Predictors;

public sealed class InputPredictorsTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_compile_looks_into_its_directories_of_headers_and_at_what_it_read_last_time()
    {
        _files.Write("out/a.d", "out/a.o: a.c inc/x.h \\\n  inc/with\\ space.h /abs/$$y.h\n\ninc/x.h:\n");

        InputPrediction found = Predict("gcc", "-c", "a.c", "-Iinc", "-isystem", "system", "-o", "out/a.o", "-MMD", "-O2");

        Assert.Equal([_files.At("inc"), _files.At("system")], found.Directories);
        Assert.Equal([_files.At("a.c"), _files.At("inc/x.h"), _files.At("inc/with space.h"), "/abs/$y.h"], found.Files);
    }

    [Fact]
    public void Response_files_count_as_their_words()
    {
        _files.Write("all.rsp", "-Iinc \"-Iwith space\"");

        Assert.Equal([_files.At("inc"), _files.At("with space")], Predict("clang", "@all.rsp", "-c", "a.c").Directories);
    }

    [Fact]
    public void A_named_dependency_file_is_read_and_one_that_is_missing_or_torn_says_nothing()
    {
        _files.Write("deps/x.d", "a.o: b.h");
        _files.Write("x.json", """{ "Version": "1.2", "Data": { "Source": "/s/a.cpp", "Includes": ["/s/a.h", "/s/b.h"] } }""");
        _files.Write("torn.json", """{ "Version": "1.2", "Da""");

        Assert.Equal([_files.At("b.h")], Predict("gcc", "-c", "a.c", "-MD", "-MF", "deps/x.d", "-o", "a.o").Files);
        Assert.Equal(["/s/a.cpp", "/s/a.h", "/s/b.h"], Predict("cl", "/c", "a.cpp", "/sourceDependencies", "x.json").Files);
        Assert.Empty(Predict("cl", "/c", "a.cpp", "/sourceDependenciestorn.json").Files);
        Assert.Empty(Predict("gcc", "-c", "a.c", "-MD", "-o", "missing.o").Files);
    }

    [Theory]
    [InlineData("/usr/bin/dotnet", "/sdk/csc.dll")]
    [InlineData("/usr/bin/vbc", "/nologo")]
    public void Csc_and_vbc_read_what_stands_behind_their_colons(string program, string word)
    {
        InputPrediction found = Predict(
            program, word, "/noconfig", "/reference:one.dll,two.dll".Split(',')[0], "-r:global=alias.dll", "/r:b.dll;c.dll", "/analyzer:gen.dll",
            "/res:text.resources,Text,public", "/out:x.dll", "/define:A;B", "a.cs");

        Assert.Equal(["one.dll", "alias.dll", "b.dll", "c.dll", "gen.dll", "text.resources"], found.Files.Select(static file => Path.GetFileName(file)));
    }

    [Fact]
    public void Other_commands_have_no_such_colons() => Assert.Empty(Predict("/usr/bin/tool", "/reference:one.dll").Files);

    [Fact]
    public void What_plugins_say_is_added_and_one_that_fails_says_nothing()
    {
        InputPredictors predictors = new([new FailingPredictor(), new AssetPredictor()], NullLogger.Instance);
        CommandLine line = CommandLine.Read(["/usr/bin/pack", "scene.txt", "-Iinc"], _files.Path);
        Command command = NewCommand("/usr/bin/pack");

        InputPrediction found = predictors.Predict(line, command);

        Assert.Equal(["/assets/scene.txt"], found.Files);
        Assert.Equal([_files.At("inc")], found.Directories);
        Assert.Equal(["/packed/scene.txt"], predictors.PredictOutputs(line, command));
    }

    private InputPrediction Predict(params string[] arguments) =>
        RequesterFixture.Predictors.Predict(CommandLine.Read(arguments, _files.Path), NewCommand(Path.Combine("/usr/bin", arguments[0])));

    private Command NewCommand(string program) => new()
    {
        Arguments = [program],
        WorkingDirectory = VirtualPath.Parse(_files.Path),
        Environment = new Dictionary<string, string>(),
        OutputRoots = [],
    };

    private sealed class FailingPredictor : IInputPredictor
    {
        public InputPrediction? Predict(PredictedCommand command) => throw new InvalidOperationException("It fails.");
    }

    private sealed class AssetPredictor : IInputPredictor
    {
        public InputPrediction? Predict(PredictedCommand command) => new()
        {
            Files = [$"/assets/{command.Words[0]}"],
            Outputs = [$"/packed/{command.Words[0]}"],
        };
    }
}
