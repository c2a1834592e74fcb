using Repr.Requester.Predictors;

namespace Repr.Build.Tests.Cxx;

public sealed class DependencyFileTests
{
    [Theory]
    [InlineData("a.o: a.cpp b.h\n", "a.cpp|b.h")]
    [InlineData("obj/a.o: a.cpp \\\n  /usr/include/x.h \\\n  c.h\n\nc.h:\n", "a.cpp|/usr/include/x.h|c.h")]
    [InlineData("a.o: my\\ file.cpp c\\#.h d$$x.h\n", "my file.cpp|c#.h|d$x.h")]
    [InlineData("C:\\x.obj: C:\\a.cpp\n", "C:\\a.cpp")]
    [InlineData("a.o:\n", "")]
    public void The_prerequisites_of_the_first_rule_are_read(string text, string expected) =>
        Assert.Equal(expected.Split('|', StringSplitOptions.RemoveEmptyEntries), DependencyFile.ParseRule(text));

    [Fact]
    public void The_json_of_cl_is_read()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("repr-deps-");
        string path = Path.Combine(directory.FullName, "a.json");
        File.WriteAllText(path, """{ "Version": "1.2", "Data": { "Source": "/p/a.cpp", "PCH": "/p/a.pch", "Includes": ["/p/b.h"], "ImportedModules": [] } }""");

        Assert.Equal(["/p/a.cpp", "/p/b.h", "/p/a.pch"], DependencyFile.TryRead(path, "/p")!);
        directory.Delete(recursive: true);
    }

    [Fact]
    public void What_is_not_there_is_null() => Assert.Null(DependencyFile.TryRead("/nowhere/a.d", "/"));
}
