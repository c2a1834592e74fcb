namespace Repr.Requester.Predictors;

/// <summary>
/// GCC, Clang, clang-cl and cl: the directories of headers as a whole, which answer for every name that is not in them, and what the
/// dependency file of the last run names (-MD, -MF, /sourceDependencies).
/// </summary>
internal sealed class CompilerPredictor : IInputPredictor
{
    private const int MaximumDependencyFileBytes = 4 << 20;

    private static readonly string[] s_headerOptions = ["-I", "-isystem", "-iquote", "-idirafter", "/I", "/external:I", "-external:I"];
    private static readonly string[] s_dependencyOptions = ["-MF", "/sourceDependencies", "-sourceDependencies"];

    /// <inheritdoc/>
    public InputPrediction? Predict(PredictedCommand command)
    {
        List<string> directories = [];
        string? output = null;
        string? dependencies = null;
        bool writesDependencies = false;
        for (int index = 0; index < command.Words.Count; index++)
        {
            string word = command.Words[index];
            string? next = index + 1 < command.Words.Count ? command.Words[index + 1] : null;
            if (ValueOf(word, next, s_headerOptions) is { } directory)
            {
                directories.Add(directory);
            }
            else if (ValueOf(word, next, s_dependencyOptions) is { } file)
            {
                dependencies = file;
            }
            else if (word == "-o")
            {
                output = next;
            }
            else
            {
                writesDependencies |= word is "-MD" or "-MMD";
            }
        }

        dependencies ??= writesDependencies && output is not null ? Path.ChangeExtension(output, ".d") : null;
        return directories.Count == 0 && dependencies is null ? null : new InputPrediction
        {
            Files = dependencies is null ? [] : ReadDependencies(Path.GetFullPath(dependencies, command.WorkingDirectory), command.WorkingDirectory),
            Directories = [.. directories.Select(directory => Path.GetFullPath(directory, command.WorkingDirectory))],
        };
    }

    private static IReadOnlyCollection<string> ReadDependencies(string file, string directory) =>
        new FileInfo(file) is { Exists: true, Length: <= MaximumDependencyFileBytes } ? DependencyFile.TryRead(file, directory) ?? [] : [];

    // "-I dir" and "-Idir".
    private static string? ValueOf(string word, string? next, string[] options)
    {
        foreach (string option in options)
        {
            if (word.StartsWith(option, StringComparison.Ordinal))
            {
                return word.Length > option.Length ? word[option.Length..] : next is { Length: > 0 } ? next : null;
            }
        }

        return null;
    }
}
