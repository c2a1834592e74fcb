using System.Security.Cryptography;
using System.Text;

namespace Repr.Requester.Actions;

/// <summary>What was observed, as it is kept in a file.</summary>
/// <param name="Inputs">Each path with its strongest use.</param>
/// <param name="Sets">Digests of the contents that it was learned from, the oldest first.</param>
internal sealed record KeptInputs(IReadOnlyDictionary<VirtualPath, ObservedKind> Inputs, IReadOnlyList<string> Sets)
{
    /// <summary>Nothing.</summary>
    public static KeptInputs Empty { get; } = new(new Dictionary<VirtualPath, ObservedKind>(), []);

    /// <summary>Whether nothing was learned.</summary>
    public bool IsEmpty => Inputs.Count == 0 && Sets.Count == 0;
}

/// <summary>
/// A directory of files with observed inputs. What can't be read counts as never learned. Bounded: what was written longest ago is
/// dropped when it is opened. Not safe for concurrent use within one process; files are replaced as a whole.
/// </summary>
internal sealed class PredictionFiles
{
    private const string Header = "repr predictions 2 ";
    private const int MaximumFiles = 20_000;
    private const char SetSeparator = ',';

    private readonly string _directory;

    /// <summary>Opens the directory.</summary>
    /// <param name="directory">Made if it does not exist.</param>
    public PredictionFiles(string directory)
    {
        _directory = directory;
        Directory.CreateDirectory(directory);
        foreach (FileInfo file in new DirectoryInfo(directory).GetFiles().OrderByDescending(file => file.LastWriteTimeUtc).Skip(MaximumFiles))
        {
            file.Delete();
        }
    }

    /// <summary>Reads what was learned under a key.</summary>
    public KeptInputs Load(string kind, string key)
    {
        try
        {
            string[] lines = File.ReadAllText(FileOf(kind, key)).Split('\0');
            if (!lines[0].StartsWith(Header, StringComparison.Ordinal))
            {
                return KeptInputs.Empty;
            }

            Dictionary<VirtualPath, ObservedKind> inputs = new(lines.Length);
            foreach (string line in lines.AsSpan(1))
            {
                if (line.Length > 1 && Enum.IsDefined((ObservedKind)(line[0] - '0')) && VirtualPath.TryParse(line[1..], out VirtualPath path, out _))
                {
                    inputs[path] = (ObservedKind)(line[0] - '0');
                }
            }

            return new KeptInputs(inputs, lines[0][Header.Length..].Split(SetSeparator, StringSplitOptions.RemoveEmptyEntries));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return KeptInputs.Empty; // Not learned yet, or lost: learned again.
        }
    }

    /// <summary>Keeps what was learned under a key, in place of what was there.</summary>
    public void Save(string kind, string key, KeptInputs learned)
    {
        StringBuilder text = new StringBuilder(Header).AppendJoin(SetSeparator, learned.Sets);
        foreach ((VirtualPath path, ObservedKind use) in learned.Inputs)
        {
            text.Append('\0').Append((int)use).Append(path.Text);
        }

        try
        {
            string file = FileOf(kind, key);
            string temporary = file + ".new";
            File.WriteAllText(temporary, text.ToString());
            File.Move(temporary, file, true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A full disk costs questions, not the build.
        }
    }

    private string FileOf(string kind, string key) =>
        Path.Combine(_directory, kind + "-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)).AsSpan(0, 16)));
}
