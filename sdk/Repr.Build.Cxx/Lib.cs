using System.Diagnostics.CodeAnalysis;
using Microsoft.Build.Framework;

namespace Repr.Build.Cxx;

/// <summary>Makes a static library, remotely where there is a worker.</summary>
[MSBuildMultiThreadableTask]
[SuppressMessage("Naming", "CA1716", Justification = "Visual C++'s name.")]
public sealed class Lib : CxxTask
{
    /// <summary>Object files, in order.</summary>
    [Required]
    public ITaskItem[] Sources { get; set; } = [];

    /// <summary>The library.</summary>
    [Required]
    public string OutputFile { get; set; } = "";

    /// <summary>Options that are passed on as they are.</summary>
    public string AdditionalOptions { get; set; } = "";

    /// <inheritdoc/>
    private protected override IEnumerable<IReadOnlyList<Step>> CreatePhases()
    {
        LinkUnit unit = new() { Sources = [.. Sources.Select(source => source.ItemSpec)], Output = OutputFile, Options = OptionsOf(null) };
        yield return
        [
            new Step
            {
                Description = $"Lib {Path.GetFileName(OutputFile)}",
                Arguments = [Program(Style.Librarian), .. Style.Archive(unit)],
                Outputs = [Absolute(OutputFile)],
                Inputs = [.. unit.Sources.Select(Absolute)],
                RemovesOutputs = true,
            },
        ];
    }
}
