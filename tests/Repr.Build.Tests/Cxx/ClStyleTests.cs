using Repr.Build.Cxx;

namespace Repr.Build.Tests.Cxx;

/// <summary>Command lines of cl.exe (which does not run here) and clang-cl (which does, in the end-to-end tests).</summary>
public sealed class ClStyleTests
{
    [Fact]
    public void A_debug_configuration_of_Visual_Cxx_becomes()
    {
        CompileUnit unit = Units.Compile(
            @"src\a.cpp", ("AdditionalIncludeDirectories", @"inc;$(x)\y"), ("PreprocessorDefinitions", "_DEBUG;_CONSOLE;%(PreprocessorDefinitions)"),
            ("WarningLevel", "Level3"), ("SDLCheck", "true"), ("ConformanceMode", "true"), ("DebugInformationFormat", "EditAndContinue"),
            ("Optimization", "Disabled"), ("RuntimeLibrary", "MultiThreadedDebugDLL"), ("BasicRuntimeChecks", "EnableFastChecks"),
            ("ExceptionHandling", "Sync"), ("FunctionLevelLinking", "true"), ("LanguageStandard", "stdcpp20"), ("TreatWarningAsError", "false"),
            ("MultiProcessorCompilation", "true"), ("ProgramDataBaseFileName", @"x64\vc143.pdb"), ("DisableSpecificWarnings", "4100;4996"),
            ("RuntimeTypeInfo", "true"), ("CompileAs", "Default"), ("AdditionalOptions", "/bigobj /utf-8 %(AdditionalOptions)")) with
        {
            Object = @"x64\Debug\a.obj",
            DependencyFile = @"x64\Debug\a.json",
            PrecompiledHeader = PrecompiledHeaderUse.Use,
            PrecompiledHeaderOutputFile = @"x64\Debug\App.pch",
        };

        Assert.Equal(
            [
                "/nologo", "/c", "/Iinc", @"/I$(x)\y", "/D_DEBUG", "/D_CONSOLE", "/std:c++20", "/Z7", "/Od", "/Gy", "/EHsc", "/GR", "/MDd", "/RTC1",
                "/permissive-", "/sdl", "/W3", "/WX-", "/wd4100", "/wd4996", "/Yupch.h", @"/Fpx64\Debug\App.pch", "/sourceDependencies",
                @"x64\Debug\a.json", "/bigobj", "/utf-8", @"/Fox64\Debug\a.obj", @"src\a.cpp",
            ],
            CommandStyle.Of("cl").Compile(unit));
    }

    [Fact]
    public void Clang_cl_writes_a_makefile_rule_and_no_time()
    {
        CompileUnit unit = Units.Compile("a.cpp", ("ForcedIncludeFiles", "f.h")) with { PrecompiledHeader = PrecompiledHeaderUse.Create };

        Assert.Equal(
            [
                "/nologo", "/c", "/FIf.h", "/Ycpch.h", "/Fpobj/App.pch", "/Brepro", "/clang:-MD", "/clang:-MFobj/a.d", "/Foobj/a.o", "--", "a.cpp",
            ],
            CommandStyle.Of("clang-cl").Compile(unit));
    }

    [Fact]
    public void Linking_and_archiving()
    {
        LinkUnit unit = new()
        {
            Sources = ["a.obj", "b.lib"],
            Output = "app.dll",
            IsShared = true,
            Options = Units.Options(
                ("SubSystem", "Console"), ("EntryPointSymbol", "start"), ("IgnoreAllDefaultLibraries", "true"), ("GenerateDebugInformation", "true"),
                ("ImportLibrary", "app.lib"), ("TargetMachine", "MachineX64"), ("OptimizeReferences", "true"), ("EnableCOMDATFolding", "true"),
                ("AdditionalDependencies", "kernel32.lib;%(AdditionalDependencies)")),
        };

        Assert.Equal(
            [
                "/nologo", "/out:app.dll", "/dll", "/subsystem:console", "/entry:start", "/nodefaultlib", "/debug", "/implib:app.lib", "/machine:x64",
                "/opt:ref", "/opt:icf", "a.obj", "b.lib", "kernel32.lib",
            ],
            CommandStyle.Of("cl").Link(unit));
        Assert.Equal(["/nologo", "/out:app.dll", "a.obj", "b.lib"], CommandStyle.Of("clang-cl").Archive(unit));
    }
}
