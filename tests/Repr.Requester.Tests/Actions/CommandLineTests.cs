using Repr.Requester.Actions;

namespace Repr.Requester.Tests.Actions;

public sealed class CommandLineTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void It_finds_the_files_of_a_compile()
    {
        _files.Write("src/a b.c", "");
        _files.Write("src/pre.h", "");
        _files.Write("inc/x.h", "");
        _files.Write("out/a.o", "old");

        CommandLine line = Read("gcc", "-c", "src/a b.c", "-Iinc", "-isystem", "missing", "-include", "src/pre.h", "-o", "out/a.o", "-MMD", "-O2");

        Assert.Equal([_files.At("src/a b.c"), _files.At("src/pre.h")], line.Files.Order());
        Assert.Equal([_files.At("out/a.o")], line.Outputs);
        Assert.Equal("a b.c", line.Subject);
    }

    [Fact]
    public void The_family_is_the_same_for_two_files_that_are_compiled_in_the_same_way()
    {
        _files.Write("a.c", "");
        _files.Write("b.c", "");

        string first = Read("gcc", "-O2", "-DX", "-c", "a.c", "-o", "a.o", "-MF", "a.d").Family;

        Assert.Equal(first, Read("gcc", "-O2", "-DX", "-c", "b.c", "-o", "b.o", "-MF", "b.d").Family);
        Assert.NotEqual(first, Read("gcc", "-O2", "-c", "b.c", "-o", "b.o").Family);
        Assert.Equal(first, Read("gcc", "-O2", "-DX", "-MT", "b.o", "-c", "b.c", "-o", "b.o", "-MF", "b.d").Family);
        Assert.NotEqual(Read("clang-cl", "/c", "-MT", "a.c").Family, Read("clang-cl", "/c", "a.c").Family);
        Assert.Equal([_files.At("a.c")], Read("ccache", "clang-cl", "-MT", "a.c").Files);
        Assert.Equal([_files.At("a.obj")], Read("clang", "--driver-mode=cl", "-MT", "/Foa.obj", "a.c").Outputs);
    }

    [Fact]
    public void Response_files_are_read_also_when_they_name_each_other_in_a_circle()
    {
        _files.Write("dir/a.c", "");
        _files.Write("one.rsp", "-c 'dir/a.c'\n@two.rsp");
        _files.Write("two.rsp", "\"-o\" x\\ y.o @one.rsp @missing.rsp");

        CommandLine line = Read("gcc", "@one.rsp");

        Assert.Equal([_files.At("dir/a.c"), _files.At("one.rsp"), _files.At("two.rsp")], line.Files.Order());
        Assert.Equal([_files.At("x y.o")], line.Outputs);
    }

    [Theory]
    [InlineData("/usr/bin/gcc", true)]
    [InlineData("x86_64-linux-gnu-g++-12", true)]
    [InlineData("clang++", true)]
    [InlineData("ld.lld", true)]
    [InlineData("ar", true)]
    [InlineData("python3", false)]
    [InlineData("gccgen", false)]
    public void Compilers_are_known_by_name(string program, bool isCompiler) => Assert.Equal(isCompiler, CommandLine.IsCompiler(program));

    private CommandLine Read(params string[] arguments) => CommandLine.Read(arguments, _files.Path);
}
