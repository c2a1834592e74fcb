using Microsoft.Build.Framework;

namespace Repr.Build.Cxx;

/// <summary>
/// Links a program or a shared library, remotely where there is a worker. Takes the parameters of the Link task of Visual C++'s targets
/// that are in use here, and the metadata of @(Link) for the others.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class Link : CxxTask
{
    /// <summary>Object files and libraries, in order.</summary>
    [Required]
    public ITaskItem[] Sources { get; set; } = [];

    /// <summary>The program or library.</summary>
    [Required]
    public string OutputFile { get; set; } = "";

    /// <summary>"true" for a shared library.</summary>
    public string LinkDLL { get; set; } = "";

    /// <summary>An item whose metadata are the options.</summary>
    public ITaskItem? Options { get; set; }

    /// <inheritdoc/>
    private protected override IEnumerable<IReadOnlyList<Step>> CreatePhases()
    {
        LinkUnit unit = new()
        {
            Sources = [.. Sources.Select(source => source.ItemSpec)],
            Output = OutputFile,
            Options = OptionsOf(Options),
            IsShared = LinkDLL.Equals("true", StringComparison.OrdinalIgnoreCase),
        };
        string importLibrary = unit.Options["ImportLibrary"];
        string[] files = [.. unit.Options.List("AdditionalDependencies").Where(name => name.Contains('/', StringComparison.Ordinal)).Select(Absolute)];
        yield return
        [
            new Step
            {
                Description = $"Link {Path.GetFileName(OutputFile)}",
                Arguments = [Program(Style.Linker), .. Style.Link(unit)],
                Outputs = [Absolute(OutputFile), .. importLibrary.Length > 0 ? [Absolute(importLibrary)] : Array.Empty<string>()],
                Inputs = [.. unit.Sources.Select(Absolute), .. files],
                ReadRoots = [.. unit.Options.List("AdditionalLibraryDirectories").Select(Absolute)],
                Listings = Style.Listings,
            },
        ];
    }
}
