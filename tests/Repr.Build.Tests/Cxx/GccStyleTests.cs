using Repr.Build.Cxx;

namespace Repr.Build.Tests.Cxx;

public sealed class GccStyleTests
{
    private readonly CommandStyle _gcc = CommandStyle.Of("gcc");

    [Theory]
    [InlineData("AdditionalIncludeDirectories", @"a\b;%(AdditionalIncludeDirectories);c", "-Ia/b -Ic")]
    [InlineData("PreprocessorDefinitions", "X;Y=2;%(PreprocessorDefinitions)", "-DX -DY=2")]
    [InlineData("UndefinePreprocessorDefinitions", "X", "-UX")]
    [InlineData("ForcedIncludeFiles", "first.h;second.h", "-include first.h -include second.h")]
    [InlineData("DebugInformationFormat", "ProgramDatabase", "-g")]
    [InlineData("DebugInformationFormat", "None", "")]
    [InlineData("Optimization", "Disabled", "-O0")]
    [InlineData("Optimization", "MaxSpeed", "-O2")]
    [InlineData("WarningLevel", "Level4", "-Wall -Wextra")]
    [InlineData("TreatWarningAsError", "true", "-Werror")]
    [InlineData("DisableSpecificWarnings", "4100;unused-parameter", "-Wno-unused-parameter")]
    [InlineData("LanguageStandard", "stdcpp20", "-std=c++20")]
    [InlineData("LanguageStandard", "Default", "")]
    [InlineData("LanguageStandard_C", "stdc17", "")] // not of a C++ source
    [InlineData("RuntimeLibrary", "MultiThreadedDLL", "")]
    [InlineData("ExceptionHandling", "false", "-fno-exceptions")]
    [InlineData("ExceptionHandling", "Sync", "")]
    [InlineData("RuntimeTypeInfo", "false", "-fno-rtti")]
    [InlineData("CompileAs", "CompileAsCpp", "-x c++")]
    [InlineData("AdditionalOptions", "-march=native  -DNAME='a b' %(AdditionalOptions)", "-march=native|-DNAME=a b")]
    [InlineData("MultiProcessorCompilation", "true", "")]
    public void An_option_becomes(string name, string value, string expected)
    {
        string[] last = ["-MD", "-MF", "obj/a.d", "-o", "obj/a.o", "a.cpp"];
        char separator = expected.Contains('|', StringComparison.Ordinal) ? '|' : ' ';

        IReadOnlyList<string> arguments = _gcc.Compile(Units.Compile("a.cpp", (name, value)));

        Assert.Equal(["-c", .. expected.Split(separator, StringSplitOptions.RemoveEmptyEntries), .. last], arguments);
    }

    [Fact]
    public void C_has_its_own_compiler_and_standard()
    {
        CompileUnit unit = Units.Compile("a.c", ("LanguageStandard_C", "stdc17"), ("LanguageStandard", "stdcpp20"), ("RuntimeTypeInfo", "false"));

        Assert.Equal("gcc", _gcc.Compiler(unit.IsC));
        Assert.Equal(["-c", "-std=c17", "-MD", "-MF", "obj/a.d", "-o", "obj/a.o", "a.c"], _gcc.Compile(unit));
    }

    [Fact]
    public void The_precompiled_header_is_made_from_a_header_and_included_first()
    {
        CompileUnit unit = Units.Compile("pch.cpp", ("Optimization", "MaxSpeed"), ("ForcedIncludeFiles", "f.h")) with
        {
            PrecompiledHeader = PrecompiledHeaderUse.Create,
        };

        Assert.Equal(
            ["-c", "-O2", "-x", "c++-header", "-MD", "-MF", "obj/App.h.gch.d", "-o", "obj/App.h.gch", "obj/App.h"], _gcc.Precompile(unit));
        Assert.Equal(["-c", "-O2", "-include", "obj/App.h", "-include", "f.h"], _gcc.Compile(unit).Take(6));
        Assert.Contains("-fno-pch-timestamp", CommandStyle.Of("clang").Precompile(unit));
    }

    [Fact]
    public void Linking_takes_objects_then_libraries()
    {
        LinkUnit unit = new()
        {
            Sources = ["a.o", "libx.a"],
            Output = "bin/app",
            IsShared = true,
            Options = Units.Options(
                ("AdditionalDependencies", "m;z.lib;../y/liby.a;-pthread;%(AdditionalDependencies)"), ("AdditionalLibraryDirectories", @"lib\x"),
                ("AdditionalOptions", "-Wl,-rpath,'$ORIGIN'")),
        };

        Assert.Equal(
            ["-shared", "-o", "bin/app", "a.o", "libx.a", "-Llib/x", "-lm", "-lz", "../y/liby.a", "-pthread", "-Wl,-rpath,$ORIGIN"], _gcc.Link(unit));
        Assert.Equal(["rcsD", "bin/app", "a.o", "libx.a"], _gcc.Archive(unit with { Options = Units.Options() }));
    }

    [Fact]
    public void An_unknown_toolset_is_named() => Assert.Contains("'icc'", Assert.Throws<ArgumentException>(() => CommandStyle.Of("icc")).Message, StringComparison.Ordinal);
}
