using Repr.Server.Execution;
using Repr.Server.Warm;

namespace Repr.Server.Tests.Warm;

public sealed class RoslynToolTests
{
    private readonly RoslynTool _tool = new(VirtualPath.Parse("/tmp/socket"));

    [Theory]
    [InlineData("/sdk/Roslyn/bincore/csc /noconfig @/tmp/a.rsp", "/sdk/Roslyn/bincore/VBCSCompiler -pipename:socket")]
    [InlineData("/sdk/Roslyn/bincore/vbc @/tmp/a.rsp", "/sdk/Roslyn/bincore/VBCSCompiler -pipename:socket")]
    [InlineData("/usr/bin/dotnet exec /sdk/csc.dll @/tmp/a.rsp", "/usr/bin/dotnet exec /sdk/VBCSCompiler.dll -pipename:socket")]
    public void A_compilers_command_has_a_server(string command, string server) =>
        Assert.Equal(server, string.Join(' ', _tool.Recognise(NewCommand(command))!.Server.Arguments));

    [Theory]
    [InlineData("/usr/bin/gcc -c a.c")]
    [InlineData("/usr/bin/dotnet exec /sdk/other.dll csc.dll")]
    [InlineData("/usr/bin/dotnet csc.dll")]
    [InlineData("/sdk/csc /shared @/tmp/a.rsp")] // asks for a server of its own
    [InlineData("/sdk/csc /shared:name @/tmp/a.rsp")]
    public void Other_commands_have_none(string command) => Assert.Null(_tool.Recognise(NewCommand(command)));

    [Fact]
    public async Task A_command_says_what_is_certain_to_be_read_and_what_is_loaded()
    {
        Command command = NewCommand(
            "/sdk/csc /noconfig /out:o/a.dll -reference:x.dll,y.dll /r:alias=/lib/z.dll /r:/a=b/w.dll /analyzer:/tools=x/one.dll;two.dll,no\0file /additionalfile:notes.txt "
            + "/analyzerconfig:.editorconfig a.cs /other/b.cs");

        WarmInputs inputs = await _tool.ReadAsync(command, null!, TestContext.Current.CancellationToken);

        Assert.Equal(["/a=b/w.dll", "/lib/z.dll", "/src/x.dll", "/src/y.dll"], PathsOf(ObservedKind.Stated));
        Assert.Equal(["/other/b.cs", "/src/.editorconfig", "/src/a.cs"], PathsOf(ObservedKind.Read));
        Assert.Equal(["/src", "/tools=x"], inputs.LoadedFrom.Select(static path => path.Text).Order(StringComparer.Ordinal));

        IEnumerable<string> PathsOf(ObservedKind kind) =>
            inputs.Certain.Where(input => input.Kind == kind).Select(static input => input.Path.Text).Order(StringComparer.Ordinal);
    }

    [Fact]
    public void Servers_are_told_apart_by_requester_environment_and_identity()
    {
        Command server = _tool.Recognise(NewCommand("/sdk/csc @/tmp/a.rsp"))!.Server;
        WarmKey key = WarmKey.Of(_tool, "ann", server);

        Assert.Equal(key, WarmKey.Of(_tool, "ann", server with { Environment = new Dictionary<string, string>(server.Environment.Reverse()) }));
        Assert.NotEqual(key, WarmKey.Of(_tool, "bob", server));
        Assert.NotEqual(key, WarmKey.Of(_tool, "ann", server with { UserId = 7 }));
        Assert.NotEqual(key, WarmKey.Of(_tool, "ann", server with { Umask = 7 }));
        Assert.NotEqual(key, WarmKey.Of(_tool, "ann", server with { Environment = new Dictionary<string, string> { ["A"] = "1" } }));
    }

    [Fact]
    public void The_language_is_read_from_the_server_of_the_SDK()
    {
        string sdk = Directory.GetDirectories(Path.GetFullPath("../../../sdk", Path.GetDirectoryName(typeof(object).Assembly.Location)!), "10.*")
            .Order(StringComparer.Ordinal)
            .Last();
        using FileStream server = File.OpenRead(Path.Combine(sdk, "Roslyn/bincore/VBCSCompiler.dll"));

        RoslynProtocol? protocol = RoslynProtocol.Read(server);

        Assert.Matches("^[0-9a-f]{40}$", protocol!.CompilerHash);
    }

    [Fact]
    public void Another_assembly_speaks_no_language_of_ours()
    {
        using FileStream assembly = File.OpenRead(typeof(object).Assembly.Location);
        using MemoryStream text = new("no assembly"u8.ToArray());

        Assert.Null(RoslynProtocol.Read(assembly));
        Assert.Null(RoslynProtocol.Read(text));
    }

    [Fact]
    public async Task An_answer_that_is_none_is_a_fault()
    {
        await Assert.ThrowsAsync<WarmToolException>(() => ReadAsync([4, 0, 0, 0, 4, 0, 0, 0]));
        await Assert.ThrowsAsync<WarmToolException>(() => ReadAsync([4, 0, 0, 0, 1, 0, 0, 0]));
        await Assert.ThrowsAsync<WarmToolException>(() => ReadAsync([255, 255, 255, 255]));
        await Assert.ThrowsAnyAsync<IOException>(() => ReadAsync([4, 0]));

        static Task ReadAsync(byte[] answer) =>
            RoslynProtocol.ReadResponseAsync(new MemoryStream(answer), TestContext.Current.CancellationToken).AsTask();
    }

    [Fact]
    public void A_time_says_what_the_content_is()
    {
        Digest one = Digest.Compute("one"u8);

        Assert.Equal(ContentTime.Of(one), ContentTime.Of(one));
        Assert.NotEqual(ContentTime.Of(one), ContentTime.Of(Digest.Compute("two"u8)));
        Assert.NotEqual(ContentTime.Of(null), ContentTime.Of(null));
        Assert.Equal(0, ContentTime.Of(one) % 100); // .NET cuts the rest off
    }

    private static Command NewCommand(string words) => new()
    {
        Arguments = words.Split(' '),
        WorkingDirectory = VirtualPath.Parse("/src"),
        Environment = new Dictionary<string, string> { ["A"] = "1", ["B"] = "2" },
        OutputRoots = [],
    };
}
