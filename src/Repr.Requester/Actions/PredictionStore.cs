using System.Security.Cryptography;
using System.Text;

namespace Repr.Requester.Actions;

/// <summary>
/// What earlier runs looked at: one set for each action, one for each family of commands, one for each tool, so that the first
/// action of another project has the toolchain predicted. Only ever a hint: what is read from here is checked like everything else,
/// and what is lost is learned again. Bounded; what was learned longest ago is dropped. Safe for concurrent use.
/// </summary>
internal sealed class PredictionStore
{
    private const string Header = "repr predictions 2 ";
    private const int MaximumPaths = 20_000;
    private const int MaximumToolPaths = 5_000;
    private const int MaximumFiles = 20_000;

    private readonly string _directory;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _learned = new(StringComparer.Ordinal); // file -> the observed set that it was made of

    /// <summary>Opens the store.</summary>
    /// <param name="directory">Made if it does not exist.</param>
    public PredictionStore(string directory)
    {
        _directory = directory;
        Directory.CreateDirectory(directory);
        DropUnused();
    }

    /// <summary>
    /// What earlier runs of this action observed; else what runs of its family did (the same command for other files), what its
    /// dependency file names and what is in its directories of headers; else what its tool looks at.
    /// </summary>
    public IReadOnlyList<ObservedInput> Find(ActionRequest request)
    {
        lock (_lock)
        {
            Dictionary<VirtualPath, ObservedKind> found =
                request.PredictionKey.Length > 0 ? Load(FileOf("action", request.PredictionKey)) : [];
            if (found.Count == 0 && request.Line is { } line)
            {
                found = Load(FileOf("family", line.Family));
                Guess(line, found);
            }

            if (found.Count == 0)
            {
                found = Load(FileOf("tool", ToolOf(request.Command)));
            }

            return [.. found.Select(pair => new ObservedInput(pair.Key, pair.Value))];
        }
    }

    /// <summary>Remembers what a run observed.</summary>
    /// <param name="request">The action.</param>
    /// <param name="mapping">Its outputs are not remembered.</param>
    /// <param name="observed">What it looked at.</param>
    /// <param name="set">The content that said so, if any: <see cref="IsLearned"/> knows it afterwards.</param>
    public void Learn(ActionRequest request, InputMapping mapping, IReadOnlyList<ObservedInput> observed, Digest? set)
    {
        Dictionary<VirtualPath, ObservedKind> inputs = [];
        foreach (ObservedInput input in observed.Where(input => !mapping.Imposed.Contains(input.Path) && !mapping.IsOutput(input.Path)))
        {
            inputs.TryAdd(input.Path, input.Kind);
        }

        lock (_lock)
        {
            if (request.PredictionKey.Length > 0)
            {
                Save(FileOf("action", request.PredictionKey), inputs, MaximumPaths, set?.ToString() ?? "");
            }

            if (request.Line is { } line)
            {
                HashSet<VirtualPath> own = [.. request.Inputs];
                LearnMore(FileOf("family", line.Family), inputs.Where(pair => !own.Contains(pair.Key)));
            }

            VirtualPath[] sourceRoots =
                [request.Command.WorkingDirectory, .. request.ReadRoots.Where(request.Command.WorkingDirectory.IsWithin)];
            LearnMore(FileOf("tool", ToolOf(request.Command)), inputs.Where(pair => !sourceRoots.Any(pair.Key.IsWithin)));
        }
    }

    /// <summary>Whether what is known of an action was learned from this content.</summary>
    public bool IsLearned(ActionRequest request, Digest set)
    {
        lock (_lock)
        {
            return request.PredictionKey.Length > 0
                && _learned.TryGetValue(FileOf("action", request.PredictionKey), out string? learned)
                && learned == set.ToString();
        }
    }

    private static void Guess(CommandLine line, Dictionary<VirtualPath, ObservedKind> found)
    {
        foreach (string directory in line.HeaderDirectories)
        {
            if (VirtualPath.TryParse(directory, out VirtualPath path, out _))
            {
                found.TryAdd(path, ObservedKind.Listed);
            }
        }

        foreach (string file in line.DependencyFile is { } dependencies ? DependencyFile.Read(dependencies, line.WorkingDirectory) : [])
        {
            if (VirtualPath.TryParse(file, out VirtualPath path, out _))
            {
                found[path] = ObservedKind.Read;
            }
        }
    }

    private void LearnMore(string file, IEnumerable<KeyValuePair<VirtualPath, ObservedKind>> inputs)
    {
        Dictionary<VirtualPath, ObservedKind> known = Load(file);
        int before = known.Count;
        foreach ((VirtualPath path, ObservedKind kind) in inputs)
        {
            known.TryAdd(path, kind);
        }

        if (known.Count > before)
        {
            Save(file, known, MaximumToolPaths, "");
        }
    }

    // The program, and for a host of managed code the assembly it runs.
    private static string ToolOf(Command command) => string.Join(
        '\n', command.Arguments.Take(
            3).Where((argument, index) => index == 0 || argument.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)));

    private string FileOf(string kind, string key) =>
        Path.Combine(_directory, kind + "-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)).AsSpan(0, 16)));

    private Dictionary<VirtualPath, ObservedKind> Load(string file)
    {
        Dictionary<VirtualPath, ObservedKind> result = [];
        try
        {
            string[] lines = File.ReadAllText(file).Split('\0');
            if (!lines[0].StartsWith(Header, StringComparison.Ordinal))
            {
                return [];
            }

            _learned[file] = lines[0][Header.Length..];
            foreach (string line in lines.AsSpan(1))
            {
                if (line.Length > 1 && Enum.IsDefined((ObservedKind)(line[0] - '0')) && VirtualPath.TryParse(line[1..], out VirtualPath path, out _))
                {
                    result[path] = (ObservedKind)(line[0] - '0');
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Not learned yet, or lost: learned again.
        }

        return result;
    }

    private void Save(string file, Dictionary<VirtualPath, ObservedKind> inputs, int maximum, string set)
    {
        StringBuilder text = new StringBuilder(Header).Append(set);
        foreach ((VirtualPath path, ObservedKind kind) in inputs.Take(maximum))
        {
            text.Append('\0').Append((int)kind).Append(path.Text);
        }

        try
        {
            string temporary = file + ".new";
            File.WriteAllText(temporary, text.ToString());
            File.Move(temporary, file, true);
            _learned[file] = set;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A full disk costs questions, not the build.
        }
    }

    private void DropUnused()
    {
        FileInfo[] files = new DirectoryInfo(_directory).GetFiles();
        foreach (FileInfo file in files.OrderByDescending(file => file.LastWriteTimeUtc).Skip(MaximumFiles))
        {
            file.Delete();
        }
    }
}
