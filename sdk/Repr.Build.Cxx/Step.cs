namespace Repr.Build.Cxx;

/// <summary>One command of a C or C++ build. All paths but those in the arguments are absolute.</summary>
internal sealed record Step
{
    /// <summary>For people, as in "CL app/main.cpp".</summary>
    public required string Description { get; init; }

    /// <summary>The program's absolute path and its arguments.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>What it makes; the first is its main output.</summary>
    public required IReadOnlyList<string> Outputs { get; init; }

    /// <summary>What it certainly reads.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>Where it writes what it has read; null: nowhere.</summary>
    public string? DependencyFile { get; init; }

    /// <summary>Directories from which it may read more, as in include directories.</summary>
    public IReadOnlyList<string> ReadRoots { get; init; } = [];

    /// <summary>Directories in which it looks for names, without opening anything.</summary>
    public IReadOnlyList<string> Listings { get; init; } = [];

    /// <summary>True when only other steps read its outputs: they may stay on a worker.</summary>
    public bool IsIntermediate { get; init; }

    /// <summary>True when the tool changes what is there instead of replacing it: it is removed before.</summary>
    public bool RemovesOutputs { get; init; }
}
