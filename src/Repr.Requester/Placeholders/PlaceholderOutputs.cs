using Repr.Requester.Actions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Placeholders;

/// <summary>Which outputs of a command line may stay placeholders: object files, which only other commands read.</summary>
internal static class PlaceholderOutputs
{
    private static readonly string[] s_objectOptions = ["/Fo", "-Fo"];
    private static readonly string[] s_sources =
        [".c", ".cc", ".cpp", ".cxx", ".c++", ".C", ".m", ".mm", ".s", ".S", ".f", ".f90", ".F", ".F90"];

    /// <summary>Absolute paths of all outputs of a run that may be placeholders, whether it is well formed or not.</summary>
    public static IEnumerable<string> Of(Wire.Run run) =>
        run is { PlaceholderObjects: true, Command: { Arguments: [string program, ..] } command }
        && Path.IsPathFullyQualified(command.WorkingDirectory)
            ? run.PlaceholderFiles.Concat(ObjectsOf(program, CommandLine.Read(command.Arguments, command.WorkingDirectory)))
            : run.PlaceholderFiles;

    /// <summary>Absolute paths of the object files of a compiler that only compiles. Where a command links too, its output is what is wanted.</summary>
    public static IEnumerable<string> ObjectsOf(string program, CommandLine line)
    {
        string[] words = [.. line.Words];
        if (!CommandLine.IsCompiler(program) || !words.Any(word => word is "-c" or "/c"))
        {
            return [];
        }

        int option = Array.LastIndexOf(words, "-o");
        string? output = option >= 0 && option + 1 < words.Length
            ? words[option + 1]
            : words.LastOrDefault(
                word => s_objectOptions.Any(name => word.Length > name.Length && word.StartsWith(name, StringComparison.Ordinal)))?[3..];
        return output is not null
            ? output.EndsWith('/') ? [] : [Path.GetFullPath(output, line.WorkingDirectory)]
            : line.Operands.Where(operand => s_sources.Contains(Path.GetExtension(operand), StringComparer.Ordinal))
                .Select(source => Path.Combine(line.WorkingDirectory, Path.GetFileNameWithoutExtension(source) + ".o"));
    }
}
