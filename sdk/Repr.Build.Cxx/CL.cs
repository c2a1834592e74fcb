using Microsoft.Build.Framework;

namespace Repr.Build.Cxx;

/// <summary>
/// Compiles C and C++: takes the parameters of the CL task of Visual C++'s targets and compiles each source by a command of its own, all
/// of one call at the same time, remotely where there is a worker. What has not changed is not compiled.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed partial class CL : CxxTask
{
    /// <summary>The object files, in the order of the sources.</summary>
    [Output]
    public ITaskItem[] Objects { get; private set; } = [];

    /// <inheritdoc/>
    private protected override IEnumerable<IReadOnlyList<Step>> CreatePhases()
    {
        CompileUnit[] units = [.. Sources.Select(CreateUnit)];
        if (units.GroupBy(unit => Absolute(unit.Object), StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } clash)
        {
            throw new ArgumentException(
                $"{string.Join(" and ", clash.Select(unit => $"'{unit.Source}'"))} would both be compiled to '{clash.First().Object}': "
                + "set the metadata ObjectFileName of one of them.");
        }

        Objects = [.. units.Select(unit => new Microsoft.Build.Utilities.TaskItem(unit.Object))];
        CompileUnit[] creators = [.. units.Where(unit => unit.PrecompiledHeader == PrecompiledHeaderUse.Create)];
        if (Style.HasSeparatePrecompiledHeader)
        {
            // The source that made it for Visual C++ is compiled like the others afterwards.
            return [[.. creators.Select(CreatePrecompileStep)], [.. units.Select(CreateStep)]];
        }

        return [[.. creators.Select(CreateStep)], [.. units.Except(creators).Select(CreateStep)]];
    }

    private CompileUnit CreateUnit(ITaskItem source)
    {
        ToolOptions options = OptionsOf(source);
        string name = options["ObjectFileName"];
        if (name.Length == 0 || name[^1] is '/' or '\\')
        {
            name += Path.GetFileNameWithoutExtension(source.ItemSpec) + Style.ObjectExtension;
        }

        name = name.Replace('\\', Path.DirectorySeparatorChar);
        return new CompileUnit
        {
            Source = source.ItemSpec,
            Object = name,
            DependencyFile = Path.ChangeExtension(name, Style.DependencyExtension),
            Options = options,
            PrecompiledHeader = options["PrecompiledHeader"].ToUpperInvariant() switch
            {
                "CREATE" => PrecompiledHeaderUse.Create,
                "USE" => PrecompiledHeaderUse.Use,
                _ => PrecompiledHeaderUse.None,
            },
            PrecompiledHeaderFile = options["PrecompiledHeaderFile"] is { Length: > 0 } header ? header : "stdafx.h",
            PrecompiledHeaderOutputFile = options["PrecompiledHeaderOutputFile"] is { Length: > 0 } output
                ? output.Replace('\\', Path.DirectorySeparatorChar)
                : Path.Combine(Path.GetDirectoryName(name) ?? "", "precompiled.pch"),
        };
    }

    private Step CreateStep(CompileUnit unit)
    {
        bool isMadeHere = !Style.HasSeparatePrecompiledHeader && unit.PrecompiledHeader == PrecompiledHeaderUse.Create;
        bool isUsed = unit.PrecompiledHeader != PrecompiledHeaderUse.None && !isMadeHere;
        return new Step
        {
            Description = $"CL {unit.Source}",
            Arguments = [Program(Style.Compiler(unit.IsC)), .. Style.Compile(unit)],
            Outputs = [Absolute(unit.Object), .. isMadeHere ? [Absolute(Style.PrecompiledHeader(unit))] : Array.Empty<string>()],
            Inputs =
            [
                Absolute(unit.Source),
                .. isUsed ? [Absolute(Style.PrecompiledHeader(unit))] : Array.Empty<string>(),
                .. isUsed && Style.HasSeparatePrecompiledHeader ? [Absolute(Style.PrecompiledHeaderSource(unit))] : Array.Empty<string>(),
                .. unit.Options.List("ForcedIncludeFiles").Select(Absolute).Where(File.Exists),
            ],
            DependencyFile = Absolute(unit.DependencyFile),
            ReadRoots = ReadRoots(unit),
            Listings = Style.Listings,
            IsIntermediate = true,
        };
    }

    private Step CreatePrecompileStep(CompileUnit unit)
    {
        string source = Absolute(Style.PrecompiledHeaderSource(unit));
        WritePrecompiledHeaderSource(source, FindHeader(unit));
        return new Step
        {
            Description = $"CL {unit.PrecompiledHeaderFile}",
            Arguments = [Program(Style.Compiler(unit.IsC)), .. Style.Precompile(unit)],
            Outputs = [Absolute(Style.PrecompiledHeader(unit))],
            Inputs = [source],
            DependencyFile = Absolute(Style.PrecompiledHeader(unit) + Style.DependencyExtension),
            ReadRoots = ReadRoots(unit),
            Listings = Style.Listings,
            IsIntermediate = true,
        };
    }

    // Not the header itself is compiled but a file that includes it: it may say "#pragma once", and it need not be where the result is.
    private static void WritePrecompiledHeaderSource(string path, string header)
    {
        string text = $"#include \"{header}\"\n";
        if (!File.Exists(path) || File.ReadAllText(path) != text)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }
    }

    private string FindHeader(CompileUnit unit)
    {
        IEnumerable<string> directories = unit.Options.List("AdditionalIncludeDirectories").Prepend(Path.GetDirectoryName(unit.Source) ?? "").Append("");
        return directories.Select(directory => Path.GetFullPath(unit.PrecompiledHeaderFile, Absolute(directory.Length > 0 ? directory : ".")))
            .FirstOrDefault(File.Exists)
            ?? throw new IOException($"The precompiled header '{unit.PrecompiledHeaderFile}' is neither beside '{unit.Source}' nor in an include directory.");
    }

    private List<string> ReadRoots(CompileUnit unit) =>
        [.. unit.Options.List("AdditionalIncludeDirectories").Select(Absolute), Path.GetDirectoryName(Absolute(unit.Source))!];
}
