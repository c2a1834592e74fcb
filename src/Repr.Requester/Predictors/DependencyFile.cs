using System.Text;
using System.Text.Json;

namespace Repr.Requester.Predictors;

/// <summary>
/// Reads what a compiler has read: the rule that gcc and clang write for make (-MD), or the JSON of cl
/// (/sourceDependencies, https://learn.microsoft.com/cpp/build/reference/sourcedependencies).
/// </summary>
internal static class DependencyFile
{
    private const int MaximumBytes = 4 << 20;

    /// <summary>The files; none if the file is not there, too large or of another kind.</summary>
    /// <param name="file">The dependency file.</param>
    /// <param name="directory">What relative names are relative to.</param>
    public static IReadOnlyCollection<string> Read(string file, string directory)
    {
        try
        {
            FileInfo info = new(file);
            return info.Exists && info.Length <= MaximumBytes
                ? [.. Parse(file, File.ReadAllText(file)).Select(name => Path.GetFullPath(name, directory)).Distinct(StringComparer.Ordinal)]
                : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or JsonException
            or KeyNotFoundException or InvalidOperationException)
        {
            return [];
        }
    }

    private static IEnumerable<string> Parse(string file, string text) =>
        file.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? ParseJson(text) : ParseRule(text);

    private static List<string> ParseJson(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement data = document.RootElement.GetProperty("Data");
        List<string> files = [data.GetProperty("Source").GetString()!, .. data.GetProperty("Includes").EnumerateArray().Select(static file => file.GetString()!)];
        if (data.TryGetProperty("PCH", out JsonElement precompiled))
        {
            files.Add(precompiled.GetString()!);
        }

        return files;
    }

    // "target: a b \\(newline) c"; a backslash keeps a space or '#', "$$" is a dollar.
    private static IEnumerable<string> ParseRule(string text)
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
