namespace Repr.Requester.Predictors;

/// <summary>
/// csc and vbc: references, analyzers, resources, additional and configuration files, which stand behind the colon of options. Sources
/// are words that name files, and need no predictor.
/// </summary>
internal sealed class RoslynPredictor : IInputPredictor
{
    private static readonly HashSet<string> s_fileOptions = new(StringComparer.OrdinalIgnoreCase)
    {
        "r", "reference", "a", "analyzer", "l", "link", "addmodule", "additionalfile", "analyzerconfig", "res", "resource", "linkres",
        "linkresource", "keyfile", "win32icon", "win32res", "win32manifest", "ruleset", "sourcelink", "embed", "vbruntime",
    };

    /// <inheritdoc/>
    public InputPrediction? Predict(PredictedCommand command)
    {
        if (!IsCompiler(command))
        {
            return null;
        }

        List<string> files = [];
        foreach (string word in command.Words)
        {
            int colon = word.IndexOf(':', StringComparison.Ordinal);
            if (colon > 1 && word[0] is '/' or '-' && s_fileOptions.Contains(word[1..colon]))
            {
                files.AddRange(FilesOf(word[(colon + 1)..]).Select(file => Path.GetFullPath(file, command.WorkingDirectory)));
            }
        }

        return new InputPrediction { Files = files };
    }

    // The program itself, or its assembly as an argument of dotnet.
    private static bool IsCompiler(PredictedCommand command) =>
        command.Words.Take(2).Prepend(command.Program)
            .Any(static word => Path.GetFileNameWithoutExtension(word).ToUpperInvariant() is "CSC" or "VBC" && !word.EndsWith(".rsp", StringComparison.OrdinalIgnoreCase));

    // "alias=a.dll", "a.dll;b.dll", "a.resources,Name,public"; quotes are of the response file.
    private static IEnumerable<string> FilesOf(string value) => value.Trim('"').Split(';')
        .Select(static part => part[(part.IndexOf('=', StringComparison.Ordinal) + 1)..].Split(',')[0].Trim('"'))
        .Where(static file => file.Length > 0);
}
