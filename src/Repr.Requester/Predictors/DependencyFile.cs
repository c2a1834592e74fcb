using System.Text;
using System.Text.Json;

namespace Repr.Requester.Predictors;

/// <summary>
/// What a compiler says it has read: the makefile rule of GCC and Clang (-MD), or the JSON of cl.exe (/sourceDependencies,
/// https://learn.microsoft.com/cpp/build/reference/sourcedependencies). Repr.Build.Cxx compiles this file too: tasks reference nothing of
/// src.
/// </summary>
internal static class DependencyFile
{
    /// <summary>The files, absolute; null when there is no such file or it cannot be understood.</summary>
    /// <param name="path">The dependency file.</param>
    /// <param name="directory">What relative paths in it are relative to.</param>
    public static IReadOnlyList<string>? TryRead(string path, string directory)
    {
        try
        {
            string text = File.ReadAllText(path);
            IEnumerable<string> files = Path.GetExtension(path) == ".json" ? ParseJson(text) : ParseRule(text);
            return [.. files.Select(file => Path.GetFullPath(file, directory)).Distinct(StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException
            or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>The prerequisites of a makefile's first rule. A backslash escapes a space, '#' or the end of the line; "$$" is '$'.</summary>
    public static IReadOnlyList<string> ParseRule(string text)
    {
        List<string> files = [];
        int start = EndOfTarget(text);
        StringBuilder file = new();
        void Take()
        {
            if (file.Length > 0)
            {
                files.Add(file.ToString());
                file.Clear();
            }
        }

        for (int index = start; index < text.Length; index++)
        {
            char next = index + 1 < text.Length ? text[index + 1] : '\0';
            switch (text[index])
            {
                case '\\' when next is ' ' or '#':
                    file.Append(next);
                    index++;
                    break;
                case '\\' when next is '\n' or '\r':
                    Take();
                    index++;
                    break;
                case '$' when next == '$':
                    file.Append('$');
                    index++;
                    break;
                case '\n' when files.Count > 0 || file.Length > 0:
                    Take();
                    return files; // -MP adds further rules
                case ' ' or '\t' or '\r' or '\n':
                    Take();
                    break;
                default:
                    file.Append(text[index]);
                    break;
            }
        }

        Take();
        return files;
    }

    // The colon that is followed by white space: one may also be part of a path ("C:\x.obj: x.cpp").
    private static int EndOfTarget(string text)
    {
        for (int index = 0; index < text.Length; index++)
        {
            if (text[index] == ':' && (index + 1 == text.Length || char.IsWhiteSpace(text[index + 1])))
            {
                return index + 1;
            }
        }

        return text.Length;
    }

    private static List<string> ParseJson(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement data = document.RootElement.GetProperty("Data");
        List<string> files = [data.GetProperty("Source").GetString()!];
        files.AddRange(data.GetProperty("Includes").EnumerateArray().Select(include => include.GetString()!));
        if (data.TryGetProperty("PCH", out JsonElement header) && header.GetString() is { Length: > 0 } path)
        {
            files.Add(path);
        }

        return files;
    }
}
