namespace Repr.Build.Cxx;

/// <summary>
/// The command lines of cl.exe and of clang-cl, link.exe and lld-link, lib.exe and llvm-lib. Two of Visual C++'s options are taken for
/// something else, since each source is compiled alone, on any machine: a program database that all compiles share (/Zi, /ZI) is
/// embedded (/Z7), and /MP has nothing to do.
/// </summary>
/// <param name="compiler">cl.exe or clang-cl.</param>
/// <param name="linker">link.exe or lld-link.</param>
/// <param name="librarian">lib.exe or llvm-lib.</param>
/// <param name="isClang">True for LLVM's tools.</param>
internal sealed class ClStyle(string compiler, string linker, string librarian, bool isClang) : CommandStyle
{
    /// <inheritdoc/>
    public override string ObjectExtension => ".obj";

    /// <inheritdoc/>
    public override string DependencyExtension => isClang ? ".d" : ".json";

    /// <inheritdoc/>
    public override bool HasSeparatePrecompiledHeader => false;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Listings => isClang ? ClangListings : [];

    /// <inheritdoc/>
    public override string Linker => linker;

    /// <inheritdoc/>
    public override string Librarian => librarian;

    /// <inheritdoc/>
    public override string Compiler(bool isC) => compiler;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Compile(CompileUnit unit)
    {
        ToolOptions options = unit.Options;
        return
        [
            "/nologo", "/c",
            .. options.List("AdditionalIncludeDirectories").Select(directory => "/I" + directory),
            .. options.List("PreprocessorDefinitions").Select(definition => "/D" + definition),
            .. options.List("UndefinePreprocessorDefinitions").Select(name => "/U" + name),
            .. options.Map("UndefineAllPreprocessorDefinitions", ("true", "/u")),
            .. options.Map("IgnoreStandardIncludePath", ("true", "/X")),
            .. options.List("ForcedIncludeFiles").Select(file => "/FI" + file),
            .. unit.IsC ? Standard(options["LanguageStandard_C"]) : Standard(options["LanguageStandard"]),
            .. CodeOptions(options),
            .. DiagnosticOptions(options),
            .. PrecompiledHeaderOptions(unit),
            .. options.Map("CompileAs", ("CompileAsC", "/TC"), ("CompileAsCpp", "/TP")),
            .. isClang
                // Else it puts the time of the compile into the object file.
                ? ["/Brepro", "/clang:-MD", "/clang:-MF" + unit.DependencyFile]
                : new[] { "/sourceDependencies", unit.DependencyFile },
            .. options.Words("AdditionalOptions"),
            "/Fo" + unit.Object,
            // A path that begins with a slash would be an option.
            .. isClang ? ["--", unit.Source] : new[] { unit.Source },
        ];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Precompile(CompileUnit unit) => throw new NotSupportedException("It is made together with the object file.");

    /// <inheritdoc/>
    public override string PrecompiledHeader(CompileUnit unit) => unit.PrecompiledHeaderOutputFile;

    /// <inheritdoc/>
    public override string PrecompiledHeaderSource(CompileUnit unit) => unit.Source;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Link(LinkUnit unit)
    {
        ToolOptions options = unit.Options;
        return
        [
            "/nologo", "/out:" + unit.Output,
            .. unit.IsShared ? ["/dll"] : Array.Empty<string>(),
            .. isClang ? ["/Brepro"] : Array.Empty<string>(),
            .. options.List("AdditionalLibraryDirectories").Select(directory => "/libpath:" + directory),
            .. options.Map("SubSystem", ("Console", "/subsystem:console"), ("Windows", "/subsystem:windows"), ("Native", "/subsystem:native")),
            .. Value("/entry:", options["EntryPointSymbol"]),
            .. options.Map("IgnoreAllDefaultLibraries", ("true", "/nodefaultlib")),
            .. options.List("IgnoreSpecificDefaultLibraries").Select(library => "/nodefaultlib:" + library),
            .. options.Map("GenerateDebugInformation", ("true", "/debug"), ("DebugFull", "/debug:full"), ("DebugFastLink", "/debug:fastlink")),
            .. Value("/pdb:", options["ProgramDatabaseFile"]),
            .. options.IsTrue("GenerateMapFile") ? [options["MapFileName"].Length > 0 ? "/map:" + options["MapFileName"] : "/map"] : Array.Empty<string>(),
            .. Value("/def:", options["ModuleDefinitionFile"]),
            .. Value("/implib:", options["ImportLibrary"]),
            .. options.Map("TargetMachine", ("MachineX64", "/machine:x64"), ("MachineX86", "/machine:x86"), ("MachineARM64", "/machine:arm64")),
            .. options.Map("OptimizeReferences", ("true", "/opt:ref"), ("false", "/opt:noref")),
            .. options.Map("EnableCOMDATFolding", ("true", "/opt:icf"), ("false", "/opt:noicf")),
            .. options.Map("LinkTimeCodeGeneration", ("UseLinkTimeCodeGeneration", "/ltcg")),
            .. options.Map("TreatLinkerWarningAsErrors", ("true", "/wx")),
            .. Value("/version:", options["Version"]),
            .. options.Words("AdditionalOptions"),
            .. unit.Sources,
            .. options.List("AdditionalDependencies"),
        ];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Archive(LinkUnit unit) =>
        ["/nologo", "/out:" + unit.Output, .. unit.Options.Words("AdditionalOptions"), .. unit.Sources];

    private static string[] Value(string option, string value) => value.Length > 0 ? [option + value] : [];

    private static string[] Standard(string value) => value switch
    {
        "" or "Default" => [],
        _ when value.StartsWith("stdcpp", StringComparison.Ordinal) => ["/std:c++" + value["stdcpp".Length..]],
        _ when value.StartsWith("stdc", StringComparison.Ordinal) => ["/std:c" + value["stdc".Length..]],
        _ => ["/std:" + value],
    };

    private static IEnumerable<string> CodeOptions(ToolOptions options) =>
    [
        .. options.Map("DebugInformationFormat", ("OldStyle", "/Z7"), ("ProgramDatabase", "/Z7"), ("EditAndContinue", "/Z7")),
        .. options.Map("Optimization", ("Disabled", "/Od"), ("MinSpace", "/O1"), ("MaxSpeed", "/O2"), ("Full", "/Ox")),
        .. options.Map("InlineFunctionExpansion", ("Disabled", "/Ob0"), ("OnlyExplicitInline", "/Ob1"), ("AnySuitable", "/Ob2")),
        .. options.Map("IntrinsicFunctions", ("true", "/Oi")),
        .. options.Map("FavorSizeOrSpeed", ("Size", "/Os"), ("Speed", "/Ot")),
        .. options.Map("OmitFramePointers", ("true", "/Oy"), ("false", "/Oy-")),
        .. options.Map("WholeProgramOptimization", ("true", "/GL")),
        .. options.Map("StringPooling", ("true", "/GF")),
        .. options.Map("FunctionLevelLinking", ("true", "/Gy"), ("false", "/Gy-")),
        .. options.Map("BufferSecurityCheck", ("true", "/GS"), ("false", "/GS-")),
        .. options.Map("ControlFlowGuard", ("Guard", "/guard:cf")),
        .. options.Map("ExceptionHandling", ("Sync", "/EHsc"), ("Async", "/EHa"), ("SyncCThrow", "/EHs")),
        .. options.Map("RuntimeTypeInfo", ("true", "/GR"), ("false", "/GR-")),
        .. options.Map(
            "RuntimeLibrary",
            ("MultiThreaded", "/MT"), ("MultiThreadedDLL", "/MD"), ("MultiThreadedDebug", "/MTd"), ("MultiThreadedDebugDLL", "/MDd")),
        .. options.Map(
            "BasicRuntimeChecks",
            ("StackFrameRuntimeCheck", "/RTCs"), ("UninitializedLocalUsageCheck", "/RTCu"), ("EnableFastChecks", "/RTC1")),
        .. options.Map("CallingConvention", ("Cdecl", "/Gd"), ("FastCall", "/Gr"), ("StdCall", "/Gz"), ("VectorCall", "/Gv")),
        .. options.Map("StructMemberAlignment", ("1Byte", "/Zp1"), ("2Bytes", "/Zp2"), ("4Bytes", "/Zp4"), ("8Bytes", "/Zp8"), ("16Bytes", "/Zp16")),
        .. options.Map("FloatingPointModel", ("Precise", "/fp:precise"), ("Strict", "/fp:strict"), ("Fast", "/fp:fast")),
        .. options.Map("FloatingPointExceptions", ("true", "/fp:except"), ("false", "/fp:except-")),
        .. options.Map(
            "EnableEnhancedInstructionSet",
            ("StreamingSIMDExtensions", "/arch:SSE"), ("StreamingSIMDExtensions2", "/arch:SSE2"), ("AdvancedVectorExtensions", "/arch:AVX"),
            ("AdvancedVectorExtensions2", "/arch:AVX2"), ("AdvancedVectorExtensions512", "/arch:AVX512")),
        .. options.Map("OpenMPSupport", ("true", "/openmp"), ("false", "/openmp-")),
        .. options.Map("DisableLanguageExtensions", ("true", "/Za")),
        .. options.Map("ConformanceMode", ("true", "/permissive-"), ("false", "/permissive")),
        .. options.Map("TreatWChar_tAsBuiltInType", ("true", "/Zc:wchar_t"), ("false", "/Zc:wchar_t-")),
        .. options.Map("ForceConformanceInForLoopScope", ("true", "/Zc:forScope"), ("false", "/Zc:forScope-")),
        .. options.Map("RemoveUnreferencedCodeData", ("true", "/Zc:inline")),
        .. options.Map("EnforceTypeConversionRules", ("true", "/Zc:rvalueCast")),
        .. options.Map("OmitDefaultLibName", ("true", "/Zl")),
        .. options.Map("CreateHotpatchableImage", ("true", "/hotpatch")),
        .. options.Map("SupportJustMyCode", ("true", "/JMC")),
        .. options.Map("SpectreMitigation", ("Spectre", "/Qspectre")),
        .. options.Map("EnableASAN", ("true", "/fsanitize=address")),
        .. options.Map("SDLCheck", ("true", "/sdl"), ("false", "/sdl-")),
    ];

    private static IEnumerable<string> DiagnosticOptions(ToolOptions options) =>
    [
        .. options.Map(
            "WarningLevel",
            ("TurnOffAllWarnings", "/W0"), ("Level1", "/W1"), ("Level2", "/W2"), ("Level3", "/W3"), ("Level4", "/W4"), ("EnableAllWarnings", "/Wall")),
        .. options.Map("TreatWarningAsError", ("true", "/WX"), ("false", "/WX-")),
        .. options.List("DisableSpecificWarnings").Select(warning => "/wd" + warning),
        .. options.List("TreatSpecificWarningsAsErrors").Select(warning => "/we" + warning),
        .. options.Map("DiagnosticsFormat", ("Caret", "/diagnostics:caret"), ("Classic", "/diagnostics:classic"), ("Column", "/diagnostics:column")),
        .. options.Map("UseFullPaths", ("true", "/FC")),
        .. options.Map("ShowIncludes", ("true", "/showIncludes")),
    ];

    private static IEnumerable<string> PrecompiledHeaderOptions(CompileUnit unit) => unit.PrecompiledHeader switch
    {
        PrecompiledHeaderUse.Create => ["/Yc" + unit.PrecompiledHeaderFile, "/Fp" + unit.PrecompiledHeaderOutputFile],
        PrecompiledHeaderUse.Use => ["/Yu" + unit.PrecompiledHeaderFile, "/Fp" + unit.PrecompiledHeaderOutputFile],
        _ => [],
    };
}
