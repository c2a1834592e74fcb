namespace Repr.Build.Cxx;

/// <summary>What a compile does with the precompiled header.</summary>
internal enum PrecompiledHeaderUse
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>It is made from this source.</summary>
    Create,

    /// <summary>It is used.</summary>
    Use,
}

/// <summary>One source file and what is made of it. Paths are as the project has them; relative ones are relative to the project.</summary>
internal sealed record CompileUnit
{
    /// <summary>The source.</summary>
    public required string Source { get; init; }

    /// <summary>The object file.</summary>
    public required string Object { get; init; }

    /// <summary>Where the compiler writes what it has read.</summary>
    public required string DependencyFile { get; init; }

    /// <summary>Its options.</summary>
    public required ToolOptions Options { get; init; }

    /// <summary>What it does with the precompiled header.</summary>
    public PrecompiledHeaderUse PrecompiledHeader { get; init; }

    /// <summary>The header as sources include it, as in "pch.h".</summary>
    public string PrecompiledHeaderFile { get; init; } = "";

    /// <summary>$(IntDir)(name).pch.</summary>
    public string PrecompiledHeaderOutputFile { get; init; } = "";

    /// <summary>True for C: by its options, else by its extension.</summary>
    public bool IsC => Options["CompileAs"] switch
    {
        "CompileAsC" => true,
        "CompileAsCpp" => false,
        _ => Path.GetExtension(Source).Equals(".c", StringComparison.Ordinal),
    };
}

/// <summary>What is linked or archived.</summary>
internal sealed record LinkUnit
{
    /// <summary>Object files and libraries, in order.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>The program or library.</summary>
    public required string Output { get; init; }

    /// <summary>Its options.</summary>
    public required ToolOptions Options { get; init; }

    /// <summary>True for a shared library.</summary>
    public bool IsShared { get; init; }
}
