using System.Security.Cryptography;
using System.Text;

namespace Repr.Requester.Actions;

/// <summary>
/// What earlier runs looked at: one set for each action of a project, one for each tool, so that the first action of another
/// project has the toolchain predicted. Only ever a hint: what is read from here is checked like everything else, and what is
/// lost is learned again. Bounded; the longest unused is dropped. Safe for concurrent use.
/// </summary>
internal sealed class PredictionStore
{
    private const string Header = "repr predictions 1";
    private const int MaximumPaths = 20_000;
    private const int MaximumToolPaths = 5_000;
    private const int MaximumFiles = 4_000;

    private readonly string _directory;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();

    /// <summary>Opens the store.</summary>
    /// <param name="directory">Made if it does not exist.</param>
    /// <param name="time">Orders by last use.</param>
    public PredictionStore(string directory, TimeProvider time)
    {
        _directory = directory;
        _time = time;
        Directory.CreateDirectory(directory);
        DropUnused();
    }

    /// <summary>What earlier runs of this action, or else of its tool, observed.</summary>
    public IReadOnlyList<ObservedInput> Find(ActionRequest request)
    {
        lock (_lock)
        {
            Dictionary<VirtualPath, ObservedKind> own =
                request.PredictionKey.Length > 0 ? Load(FileOf("action", request.PredictionKey)) : [];
            return [.. (own.Count > 0 ? own : Load(FileOf("tool", ToolOf(request.Command)))).Select(pair => new ObservedInput(pair.Key, pair.Value))];
        }
    }

    /// <summary>Remembers what a run observed.</summary>
    /// <param name="request">The action.</param>
    /// <param name="mapping">Its outputs are not remembered.</param>
    /// <param name="observed">What it looked at.</param>
    public void Learn(ActionRequest request, InputMapping mapping, IReadOnlyList<ObservedInput> observed)
    {
        Dictionary<VirtualPath, ObservedKind> inputs = [];
        foreach (ObservedInput input in observed.Where(input => !mapping.Imposed.Contains(input.Path) && !mapping.IsOutput(input.Path)))
        {
            inputs.TryAdd(input.Path, input.Kind);
        }

        VirtualPath[] sourceRoots =
            [request.Command.WorkingDirectory, .. request.ReadRoots.Where(request.Command.WorkingDirectory.IsWithin)];
        lock (_lock)
        {
            if (request.PredictionKey.Length > 0)
            {
                Save(FileOf("action", request.PredictionKey), inputs, MaximumPaths);
            }

            string toolFile = FileOf("tool", ToolOf(request.Command));
            Dictionary<VirtualPath, ObservedKind> tool = Load(toolFile);
            int known = tool.Count;
            foreach ((VirtualPath path, ObservedKind kind) in inputs.Where(pair => !sourceRoots.Any(pair.Key.IsWithin)))
            {
                tool.TryAdd(path, kind);
            }

            if (tool.Count > known)
            {
                Save(toolFile, tool, MaximumToolPaths);
            }
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
            if (lines[0] != Header)
            {
                return [];
            }

            foreach (string line in lines.AsSpan(1))
            {
                if (line.Length > 1 && Enum.IsDefined((ObservedKind)(line[0] - '0')) && VirtualPath.TryParse(line[1..], out VirtualPath path, out _))
                {
                    result[path] = (ObservedKind)(line[0] - '0');
                }
            }

            File.SetLastWriteTimeUtc(file, _time.GetUtcNow().UtcDateTime);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Not learned yet, or lost: learned again.
        }

        return result;
    }

    private static void Save(string file, Dictionary<VirtualPath, ObservedKind> inputs, int maximum)
    {
        StringBuilder text = new(Header);
        foreach ((VirtualPath path, ObservedKind kind) in inputs.Take(maximum))
        {
            text.Append('\0').Append((int)kind).Append(path.Text);
        }

        try
        {
            string temporary = file + ".new";
            File.WriteAllText(temporary, text.ToString());
            File.Move(temporary, file, true);
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
