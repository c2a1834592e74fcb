using System.Diagnostics.CodeAnalysis;
using Microsoft.Build.Framework;

namespace Repr.Build.Cxx;

/// <summary>
/// The parameters of Visual C++'s CL task, all of them: a call in Microsoft.CppCommon.targets must not fail because one is missing. Each
/// that is set is used before the metadata of the same name of the sources.
/// </summary>
[SuppressMessage("Naming", "CA1707", Justification = "Visual C++'s names.")]
public sealed partial class CL
{
    /// <summary>The sources. Their metadata are their options.</summary>
    [Required]
    public ITaskItem[] Sources { get; set; } = [];

    /// <summary>Directories in which headers are looked for.</summary>
    public string AdditionalIncludeDirectories { get; set; } = "";

    /// <summary>Passed on as they are.</summary>
    public string AdditionalOptions { get; set; } = "";

    /// <summary>Of managed code: not used.</summary>
    public string AdditionalUsingDirectories { get; set; } = "";

    /// <summary>Not used.</summary>
    public string AssemblerListingLocation { get; set; } = "";

    /// <summary>Not used.</summary>
    public string AssemblerOutput { get; set; } = "";

    /// <summary>/RTC.</summary>
    public string BasicRuntimeChecks { get; set; } = "";

    /// <summary>Not used.</summary>
    public string BrowseInformation { get; set; } = "";

    /// <summary>Not used.</summary>
    public string BrowseInformationFile { get; set; } = "";

    /// <summary>/GS, -fstack-protector.</summary>
    public string BufferSecurityCheck { get; set; } = "";

    /// <summary>Not used.</summary>
    public string BuildingInIDE { get; set; } = "";

    /// <summary>Not used.</summary>
    public string BuildStlModules { get; set; } = "";

    /// <summary>/Gd, /Gr, /Gz, /Gv.</summary>
    public string CallingConvention { get; set; } = "";

    /// <summary>CompileAsC, CompileAsCpp; else the extension decides.</summary>
    public string CompileAs { get; set; } = "";

    /// <summary>Of managed code: not used.</summary>
    public string CompileAsManaged { get; set; } = "";

    /// <summary>Not used.</summary>
    public string CompileAsWinRT { get; set; } = "";

    /// <summary>/permissive-.</summary>
    public string ConformanceMode { get; set; } = "";

    /// <summary>/guard:cf.</summary>
    public string ControlFlowGuard { get; set; } = "";

    /// <summary>/hotpatch.</summary>
    public string CreateHotpatchableImage { get; set; } = "";

    /// <summary>/Z7 or -g for any but None.</summary>
    public string DebugInformationFormat { get; set; } = "";

    /// <summary>Not used.</summary>
    public string DeleteOutputOnExecute { get; set; } = "";

    /// <summary>/diagnostics.</summary>
    public string DiagnosticsFormat { get; set; } = "";

    /// <summary>/Za.</summary>
    public string DisableLanguageExtensions { get; set; } = "";

    /// <summary>/wd, -Wno-.</summary>
    public string DisableSpecificWarnings { get; set; } = "";

    /// <summary>Address sanitizer.</summary>
    public string EnableASAN { get; set; } = "";

    /// <summary>/arch, -m.</summary>
    public string EnableEnhancedInstructionSet { get; set; } = "";

    /// <summary>Not used.</summary>
    public string EnableExecuteTool { get; set; } = "";

    /// <summary>Not used.</summary>
    public string EnableFiberSafeOptimizations { get; set; } = "";

    /// <summary>Not used.</summary>
    public string EnableModules { get; set; } = "";

    /// <summary>Not used.</summary>
    public string EnableParallelCodeGeneration { get; set; } = "";

    /// <summary>Of code analysis: not used.</summary>
    public string EnablePREfast { get; set; } = "";

    /// <summary>/Zc:rvalueCast.</summary>
    public string EnforceTypeConversionRules { get; set; } = "";

    /// <summary>Not used.</summary>
    public string ErrorReporting { get; set; } = "";

    /// <summary>/EH, -fno-exceptions.</summary>
    public string ExceptionHandling { get; set; } = "";

    /// <summary>Not used.</summary>
    public string ExcludedInputPaths { get; set; } = "";

    /// <summary>Not used.</summary>
    public string ExpandAttributedSource { get; set; } = "";

    /// <summary>Not used.</summary>
    public string ExternalWarningLevel { get; set; } = "";

    /// <summary>/Os, /Ot.</summary>
    public string FavorSizeOrSpeed { get; set; } = "";

    /// <summary>/fp:except.</summary>
    public string FloatingPointExceptions { get; set; } = "";

    /// <summary>/fp, -ffast-math.</summary>
    public string FloatingPointModel { get; set; } = "";

    /// <summary>/Zc:forScope.</summary>
    public string ForceConformanceInForLoopScope { get; set; } = "";

    /// <summary>/FI, -include.</summary>
    public string ForcedIncludeFiles { get; set; } = "";

    /// <summary>Of managed code: not used.</summary>
    public string ForcedUsingFiles { get; set; } = "";

    /// <summary>/Gy, -ffunction-sections.</summary>
    public string FunctionLevelLinking { get; set; } = "";

    /// <summary>Not used.</summary>
    public string GenerateModuleDependencies { get; set; } = "";

    /// <summary>Always done, for the next build.</summary>
    public string GenerateSourceDependencies { get; set; } = "";

    /// <summary>Not used.</summary>
    public string GenerateXMLDocumentationFiles { get; set; } = "";

    /// <summary>/X, -nostdinc.</summary>
    public string IgnoreStandardIncludePath { get; set; } = "";

    /// <summary>/Ob, -fno-inline.</summary>
    public string InlineFunctionExpansion { get; set; } = "";

    /// <summary>/Oi.</summary>
    public string IntrinsicFunctions { get; set; } = "";

    /// <summary>/std:c++, -std=c++: stdcpp14, stdcpp17, stdcpp20, stdcpplatest.</summary>
    public string LanguageStandard { get; set; } = "";

    /// <summary>/std:c, -std=c: stdc11, stdc17.</summary>
    public string LanguageStandard_C { get; set; } = "";

    /// <summary>Not used.</summary>
    public string MinimalRebuild { get; set; } = "";

    /// <summary>Not used: what has not changed is never compiled.</summary>
    public string MinimalRebuildFromTracking { get; set; } = "";

    /// <summary>Not used.</summary>
    public string ModuleDependenciesFile { get; set; } = "";

    /// <summary>Not used: all sources are always compiled at the same time.</summary>
    public string MultiProcessorCompilation { get; set; } = "";

    /// <summary>The object file, or its directory with a slash at its end.</summary>
    public string ObjectFileName { get; set; } = "";

    /// <summary>/Zl.</summary>
    public string OmitDefaultLibName { get; set; } = "";

    /// <summary>/Oy, -fomit-frame-pointer.</summary>
    public string OmitFramePointers { get; set; } = "";

    /// <summary>/openmp, -fopenmp.</summary>
    public string OpenMPSupport { get; set; } = "";

    /// <summary>Disabled, MinSpace, MaxSpeed, Full.</summary>
    public string Optimization { get; set; } = "";

    /// <summary>-fPIC.</summary>
    public string PositionIndependentCode { get; set; } = "";

    /// <summary>Create, Use, NotUsing.</summary>
    public string PrecompiledHeader { get; set; } = "";

    /// <summary>The header, as sources include it.</summary>
    public string PrecompiledHeaderFile { get; set; } = "";

    /// <summary>The precompiled header.</summary>
    public string PrecompiledHeaderOutputFile { get; set; } = "";

    /// <summary>Of code analysis: not used.</summary>
    public string PREfastAdditionalOptions { get; set; } = "";

    /// <summary>Of code analysis: not used.</summary>
    public string PREfastAdditionalPlugins { get; set; } = "";

    /// <summary>Of code analysis: not used.</summary>
    public string PREfastLog { get; set; } = "";

    /// <summary>Not used.</summary>
    public string PreprocessKeepComments { get; set; } = "";

    /// <summary>/D, -D.</summary>
    public string PreprocessorDefinitions { get; set; } = "";

    /// <summary>Not used.</summary>
    public string PreprocessSuppressLineNumbers { get; set; } = "";

    /// <summary>Not used.</summary>
    public string PreprocessToFile { get; set; } = "";

    /// <summary>Not used: the worker says how many compiles run at the same time.</summary>
    public string ProcessorNumber { get; set; } = "";

    /// <summary>Not used: debug information is in the object files.</summary>
    public string ProgramDataBaseFileName { get; set; } = "";

    /// <summary>/Zc:inline.</summary>
    public string RemoveUnreferencedCodeData { get; set; } = "";

    /// <summary>/MT, /MD, /MTd, /MDd.</summary>
    public string RuntimeLibrary { get; set; } = "";

    /// <summary>/GR, -fno-rtti.</summary>
    public string RuntimeTypeInfo { get; set; } = "";

    /// <summary>Not used.</summary>
    public string ScanSourceForModuleDependencies { get; set; } = "";

    /// <summary>/sdl.</summary>
    public string SDLCheck { get; set; } = "";

    /// <summary>/showIncludes, -H.</summary>
    public string ShowIncludes { get; set; } = "";

    /// <summary>Not used.</summary>
    public string SmallerTypeCheck { get; set; } = "";

    /// <summary>Not used: it lies beside the object file.</summary>
    public string SourceDependenciesFile { get; set; } = "";

    /// <summary>/Qspectre.</summary>
    public string SpectreMitigation { get; set; } = "";

    /// <summary>/GF.</summary>
    public string StringPooling { get; set; } = "";

    /// <summary>/Zp, -fpack-struct.</summary>
    public string StructMemberAlignment { get; set; } = "";

    /// <summary>/JMC.</summary>
    public string SupportJustMyCode { get; set; } = "";

    /// <summary>Always done.</summary>
    public string SuppressStartupBanner { get; set; } = "";

    /// <summary>Of file tracking: not used.</summary>
    public string TLogReadFiles { get; set; } = "";

    /// <summary>Of file tracking: not used.</summary>
    public string TLogWriteFiles { get; set; } = "";

    /// <summary>Not used.</summary>
    public string ToolArchitecture { get; set; } = "";

    /// <summary>Of file tracking: not used.</summary>
    public string TrackedInputFilesToIgnore { get; set; } = "";

    /// <summary>Of file tracking: not used.</summary>
    public string TrackerFrameworkPath { get; set; } = "";

    /// <summary>Of file tracking: not used, the compiler itself says what it has read.</summary>
    public string TrackerLogDirectory { get; set; } = "";

    /// <summary>Of file tracking: not used.</summary>
    public string TrackerSdkPath { get; set; } = "";

    /// <summary>Of file tracking: not used.</summary>
    public string TrackFileAccess { get; set; } = "";

    /// <summary>Not used.</summary>
    public string TreatAngleIncludeAsExternal { get; set; } = "";

    /// <summary>/we, -Werror=.</summary>
    public string TreatSpecificWarningsAsErrors { get; set; } = "";

    /// <summary>/WX, -Werror.</summary>
    public string TreatWarningAsError { get; set; } = "";

    /// <summary>/Zc:wchar_t.</summary>
    public string TreatWChar_tAsBuiltInType { get; set; } = "";

    /// <summary>Not used.</summary>
    public string TranslateIncludes { get; set; } = "";

    /// <summary>/u, -undef.</summary>
    public string UndefineAllPreprocessorDefinitions { get; set; } = "";

    /// <summary>/U, -U.</summary>
    public string UndefinePreprocessorDefinitions { get; set; } = "";

    /// <summary>/FC; diagnostics always name the full path.</summary>
    public string UseFullPaths { get; set; } = "";

    /// <summary>Not used.</summary>
    public string UseStandardPreprocessor { get; set; } = "";

    /// <summary>Not used.</summary>
    public string UseUnicodeForAssemblerListing { get; set; } = "";

    /// <summary>TurnOffAllWarnings, Level1 to Level4, EnableAllWarnings.</summary>
    public string WarningLevel { get; set; } = "";

    /// <summary>Not used.</summary>
    public string WarningVersion { get; set; } = "";

    /// <summary>/GL, -flto.</summary>
    public string WholeProgramOptimization { get; set; } = "";

    /// <summary>Not used.</summary>
    public string WinRTNoStdLib { get; set; } = "";

    /// <summary>Not used.</summary>
    public string XMLDocumentationFileName { get; set; } = "";
}
