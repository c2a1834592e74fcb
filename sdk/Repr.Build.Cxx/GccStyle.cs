namespace Repr.Build.Cxx;

/// <summary>
/// The command lines of GCC and Clang. Options of Visual C++ that mean nothing to them (run-time library, calling convention, program
/// database, code analysis, managed code) are left out.
/// </summary>
/// <param name="c">The C compiler.</param>
/// <param name="cxx">The C++ compiler, which links too.</param>
/// <param name="archiver">ar.</param>
internal sealed class GccStyle(string c, string cxx, string archiver) : CommandStyle
{
    private readonly bool _isClang = c == "clang";

    /// <inheritdoc/>
    public override string ObjectExtension => ".o";

    /// <inheritdoc/>
    public override string DependencyExtension => ".d";

    /// <inheritdoc/>
    public override bool HasSeparatePrecompiledHeader => true;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Listings => _isClang ? ClangListings : [];

    /// <inheritdoc/>
    public override string Linker => cxx;

    /// <inheritdoc/>
    public override string Librarian => archiver;

    /// <inheritdoc/>
    public override string Compiler(bool isC) => isC ? c : cxx;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Compile(CompileUnit unit) =>
    [
        "-c",
        .. Options(unit),
        // Both compilers look for (file).gch before they look for the file.
        .. unit.PrecompiledHeader == PrecompiledHeaderUse.None ? Array.Empty<string>() : ["-include", PrecompiledHeaderSource(unit)],
        .. unit.Options.List("ForcedIncludeFiles").SelectMany(file => new[] { "-include", Slashes(file) }),
        .. unit.Options.Map("CompileAs", ("CompileAsC", "-x c"), ("CompileAsCpp", "-x c++")),
        .. unit.Options.Words("AdditionalOptions"),
        "-MD", "-MF", unit.DependencyFile, "-o", unit.Object, unit.Source,
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<string> Precompile(CompileUnit unit) =>
    [
        "-c",
        .. Options(unit),
        .. unit.Options.Words("AdditionalOptions"),
        // Times of headers have no business in the result: when to make it again is decided by the dependency file.
        .. _isClang ? ["-Xclang", "-fno-pch-timestamp"] : Array.Empty<string>(),
        "-x", unit.IsC ? "c-header" : "c++-header", "-MD", "-MF", PrecompiledHeader(unit) + DependencyExtension, "-o", PrecompiledHeader(unit),
        PrecompiledHeaderSource(unit),
    ];

    /// <inheritdoc/>
    public override string PrecompiledHeader(CompileUnit unit) => PrecompiledHeaderSource(unit) + ".gch";

    /// <inheritdoc/>
    public override string PrecompiledHeaderSource(CompileUnit unit) => Path.ChangeExtension(unit.PrecompiledHeaderOutputFile, ".h");

    /// <inheritdoc/>
    public override IReadOnlyList<string> Link(LinkUnit unit)
    {
        ToolOptions options = unit.Options;
        return
        [
            .. unit.IsShared ? ["-shared"] : Array.Empty<string>(),
            "-o", unit.Output,
            .. unit.Sources,
            .. options.List("AdditionalLibraryDirectories").Select(directory => "-L" + Slashes(directory)),
            .. options.List("AdditionalDependencies").Select(Library),
            .. options.IsTrue("IgnoreAllDefaultLibraries") ? ["-nodefaultlibs"] : Array.Empty<string>(),
            .. options.IsTrue("OptimizeReferences") ? ["-Wl,--gc-sections"] : Array.Empty<string>(),
            .. options.IsTrue("GenerateMapFile") && options["MapFileName"].Length > 0 ? ["-Wl,-Map=" + options["MapFileName"]] : Array.Empty<string>(),
            .. options["EntryPointSymbol"].Length > 0 ? ["-Wl,-e," + options["EntryPointSymbol"]] : Array.Empty<string>(),
            .. options.Words("AdditionalOptions"),
        ];
    }

    /// <inheritdoc/>
    // D: no times and owners. What was there is removed before: it would keep members that are gone.
    public override IReadOnlyList<string> Archive(LinkUnit unit) =>
        ["rcsD", .. unit.Options.Words("AdditionalOptions"), unit.Output, .. unit.Sources];

    private static string Slashes(string path) => path.Replace('\\', '/');

    // "m" and "m.lib" are -lm; a file and an option stay what they are.
    private static string Library(string name) => name switch
    {
        ['-', ..] => name,
        _ when name.AsSpan().IndexOfAny('/', '\\') >= 0 => Slashes(name),
        _ when Path.GetExtension(name) is ".a" or ".so" or ".o" => name,
        _ => "-l" + (name.EndsWith(".lib", StringComparison.OrdinalIgnoreCase) ? name[..^4] : name),
    };

    private static IEnumerable<string> Options(CompileUnit unit)
    {
        ToolOptions options = unit.Options;
        return
        [
            .. options.List("AdditionalIncludeDirectories").Select(directory => "-I" + Slashes(directory)),
            .. options.List("PreprocessorDefinitions").Select(definition => "-D" + definition),
            .. options.List("UndefinePreprocessorDefinitions").Select(name => "-U" + name),
            .. options.Map("UndefineAllPreprocessorDefinitions", ("true", "-undef")),
            .. options.Map("IgnoreStandardIncludePath", ("true", "-nostdinc")),
            .. unit.IsC ? Standard(options["LanguageStandard_C"]) : Standard(options["LanguageStandard"]),
            .. options.Map(
                "DebugInformationFormat",
                ("OldStyle", "-g"), ("ProgramDatabase", "-g"), ("EditAndContinue", "-g"), ("FullDebug", "-g"), ("Minimal", "-g1")),
            .. options.Map(
                "Optimization",
                ("Disabled", "-O0"), ("MinSpace", "-Os"), ("MaxSpeed", "-O2"), ("Full", "-O3"), ("Size", "-Os"), ("Speed", "-O2")),
            .. options.Map(
                "WarningLevel",
                ("TurnOffAllWarnings", "-w"), ("Level3", "-Wall"), ("Level4", "-Wall -Wextra"), ("EnableAllWarnings", "-Wall -Wextra -Wpedantic")),
            .. options.Map("TreatWarningAsError", ("true", "-Werror")),
            .. options.List("DisableSpecificWarnings").Where(IsName).Select(name => "-Wno-" + name),
            .. options.List("TreatSpecificWarningsAsErrors").Where(IsName).Select(name => "-Werror=" + name),
            .. options.Map("ExceptionHandling", ("false", "-fno-exceptions")),
            .. unit.IsC ? [] : options.Map("RuntimeTypeInfo", ("false", "-fno-rtti")),
            .. options.Map("OpenMPSupport", ("true", "-fopenmp")),
            .. options.Map("FloatingPointModel", ("Fast", "-ffast-math"), ("Strict", "-frounding-math")),
            .. options.Map(
                "EnableEnhancedInstructionSet",
                ("StreamingSIMDExtensions2", "-msse2"), ("AdvancedVectorExtensions", "-mavx"), ("AdvancedVectorExtensions2", "-mavx2"),
                ("AdvancedVectorExtensions512", "-mavx512f")),
            .. options.Map("FunctionLevelLinking", ("true", "-ffunction-sections -fdata-sections")),
            .. options.Map("OmitFramePointers", ("true", "-fomit-frame-pointer"), ("false", "-fno-omit-frame-pointer")),
            .. options.Map("BufferSecurityCheck", ("false", "-fno-stack-protector")),
            .. options.Map("InlineFunctionExpansion", ("Disabled", "-fno-inline")),
            .. options.Map(
                "StructMemberAlignment",
                ("1Byte", "-fpack-struct=1"), ("2Bytes", "-fpack-struct=2"), ("4Bytes", "-fpack-struct=4"), ("8Bytes", "-fpack-struct=8")),
            .. options.Map("WholeProgramOptimization", ("true", "-flto")),
            .. options.Map("EnableASAN", ("true", "-fsanitize=address")),
            .. options.Map("PositionIndependentCode", ("true", "-fPIC")),
            .. options.Map("ShowIncludes", ("true", "-H")),
        ];
    }

    // Visual C++'s numbers mean nothing here.
    private static bool IsName(string warning) => !warning.All(char.IsAsciiDigit);

    private static string[] Standard(string value) => value switch
    {
        "" or "Default" => [],
        "stdcpplatest" => ["-std=c++2b"],
        "stdclatest" => ["-std=c2x"],
        _ when value.StartsWith("stdcpp", StringComparison.Ordinal) => ["-std=c++" + value["stdcpp".Length..]],
        _ when value.StartsWith("stdc", StringComparison.Ordinal) => ["-std=c" + value["stdc".Length..]],
        _ => ["-std=" + value],
    };
}
