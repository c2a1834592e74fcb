using System.Text;

namespace Repr.Requester.Actions;

/// <summary>Reads the prerequisites out of a dependency file that a compiler wrote for make (gcc's and clang's -MD).</summary>
internal static class DependencyFile
{
    private const int MaximumBytes = 4 << 20;

    /// <summary>The prerequisites; none if the file is not there, too large or of another kind.</summary>
    /// <param name="file">The dependency file.</param>
    /// <param name="directory">What relative names are relative to.</param>
    public static IReadOnlyCollection<string> Read(string file, string directory)
    {
        try
        {
            FileInfo info = new(file);
            return info.Exists && info.Length <= MaximumBytes
                ? [.. Parse(File.ReadAllText(file)).Select(name => Path.GetFullPath(name, directory)).Distinct(StringComparer.Ordinal)]
                : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }

    // "target: a b \\(newline) c"; a backslash keeps a space or '#', "$$" is a dollar.
    private static IEnumerable<string> Parse(string text)
    {
        StringBuilder word = new();
        bool isTarget = true;
        for (int i = 0; i <= text.Length; i++)
        {
            char c = i < text.Length ? text[i] : '\n';
            char next = i + 1 < text.Length ? text[i + 1] : '\0';
            if (c == '\\' && next is ' ' or '#' or '\\')
            {
                word.Append(text[++i]);
            }
            else if (c == '\\' && next is '\n' or '\r')
            {
                i += next == '\r' ? 2 : 1;
            }
            else if (c == '$' && next == '$')
            {
                word.Append(text[++i]);
            }
            else if (isTarget && c == ':' && char.IsWhiteSpace(next))
            {
                isTarget = false;
                word.Clear();
            }
            else if (char.IsWhiteSpace(c))
            {
                if (!isTarget && word.Length > 0)
                {
                    yield return word.ToString();
                }

                word.Clear();
                isTarget |= c == '\n';
            }
            else
            {
                word.Append(c);
            }
        }
    }
}
