using Repr.Build.Cxx;

namespace Repr.Build.Tests.Cxx;

public sealed class DiagnosticLinesTests
{
    [Theory]
    [InlineData("src/a.cpp:3:14: error: 'x' was not declared in this scope", "error", "", "src/a.cpp", 3, 14)]
    [InlineData("a.cpp:3: fatal error: b.h: No such file or directory", "error", "", "a.cpp", 3, 0)]
    [InlineData("a.cpp:9:5: warning: unused variable 'u' [-Wunused-variable]", "warning", "-Wunused-variable", "a.cpp", 9, 5)]
    [InlineData("a.cpp:9:5: error: unused variable 'u' [-Werror,-Wunused-variable]", "error", "-Wunused-variable", "a.cpp", 9, 5)]
    [InlineData("a.cpp:9:5: error: unused variable 'u' [-Werror=unused-variable]", "error", "-Wunused-variable", "a.cpp", 9, 5)]
    [InlineData("a.h:1:7: note: candidate is: f(int)", "note", "", "a.h", 1, 7)]
    [InlineData(@"C:\src\a.cpp(12): error C2065: 'x': undeclared identifier", "error", "C2065", @"C:\src\a.cpp", 12, 0)]
    [InlineData(@"C:\src (x86)\a.cpp(12,3): warning C4100: 'x': unreferenced", "warning", "C4100", @"C:\src (x86)\a.cpp", 12, 3)]
    [InlineData("a.cpp(4,9): note: see declaration of 'f'", "note", "", "a.cpp", 4, 9)]
    [InlineData("/p/a.cpp(4,9): error: use of undeclared identifier 'x'", "error", "", "/p/a.cpp", 4, 9)]
    [InlineData("a.cpp(4): fatal error C1083: Cannot open include file: 'b.h': No such file", "error", "C1083", "a.cpp", 4, 0)]
    [InlineData("LINK : fatal error LNK1104: cannot open file 'x.lib'", "error", "LNK1104", "LINK", 0, 0)]
    [InlineData("lld-link: error: undefined symbol: f", "error", "", "lld-link", 0, 0)]
    [InlineData("collect2: error: ld returned 1 exit status", "error", "", "collect2", 0, 0)]
    [InlineData("/usr/bin/ld: main.cpp:(.text+0x5): undefined reference to `f()'", "error", "", "main.cpp", 0, 0)]
    [InlineData("main.cpp:(.text+0x5): undefined reference to `f()'", "error", "", "main.cpp", 0, 0)]
    public void A_line_is(string line, string kind, string code, string file, int number, int column)
    {
        Diagnostic? diagnostic = DiagnosticLines.Parse(line);

        Assert.NotNull(diagnostic);
        Assert.Equal((kind, code, file, number, column), (diagnostic.Kind, diagnostic.Code, diagnostic.File, diagnostic.Line, diagnostic.Column));
    }

    [Theory]
    [InlineData("In file included from a.cpp:1:")]
    [InlineData("a.cpp: In function 'int main()':")]
    [InlineData("    3 |   error: x;")]
    [InlineData("1 error generated.")]
    [InlineData("a.cpp")]
    public void Context_is_no_diagnostic(string line) => Assert.Null(DiagnosticLines.Parse(line));
}
