using System.Globalization;
using System.Text;

namespace Repr.Bench;

/// <summary>Sources that compilers are measured with: one of C++, and an assembly of C# against all of .NET.</summary>
internal static class CompilerSources
{
    /// <summary>What csc is told.</summary>
    public const string ResponseFile = "csc.rsp";

    private const int Classes = 60;

    private const string Cxx = """
        #include <algorithm>
        #include <iostream>
        #include <map>
        #include <string>
        #include <vector>
        std::map<std::string, std::vector<int>> table;
        int main(int count, char **arguments)
        {
            for (int i = 0; i < count; i++)
                table[arguments[i]].push_back(i);
            for (auto& entry : table)
            {
                std::sort(entry.second.begin(), entry.second.end());
                std::cout << entry.first << ' ' << entry.second.size() << '\n';
            }
        }

        """;

    /// <summary>Writes them.</summary>
    /// <exception cref="BenchException">The reference assemblies of .NET are not found.</exception>
    public static async Task WriteAsync(string directory, CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(Path.Combine(directory, "source.cc"), Cxx, cancellationToken);
        StringBuilder arguments = new("/target:library /deterministic+ /optimize+ /nostdlib+ /debug:portable /out:csc.dll\n");
        foreach (string reference in Directory.EnumerateFiles(FindReferences(), "*.dll").Order(StringComparer.Ordinal))
        {
            arguments.Append(CultureInfo.InvariantCulture, $"/reference:\"{reference}\"\n");
        }

        for (int number = 0; number < Classes; number++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"Class{number}");
            await File.WriteAllTextAsync(
                Path.Combine(directory, name + ".cs"),
                $$"""
                using System;
                using System.Collections.Generic;
                using System.Linq;
                namespace Measured;
                public sealed record {{name}}(int Number, string Text)
                {
                    private readonly Dictionary<string, List<int>> _places = [];
                    public IEnumerable<string> Find(Func<int, bool> isWanted) =>
                        from place in _places where place.Value.Any(isWanted) orderby place.Key select $"{place.Key}: {place.Value.Count + {{number}}}";
                    public async System.Threading.Tasks.Task<int> CountAsync(IAsyncEnumerable<string> words)
                    {
                        await foreach (string word in words)
                        {
                            if (!_places.TryGetValue(word, out List<int>? places))
                            {
                                _places[word] = places = [];
                            }
                            places.Add(word.Length switch { 0 => {{number}}, > 10 => -1, int length => length * Number });
                        }
                        return _places.Sum(place => place.Value.Sum());
                    }
                }

                """,
                cancellationToken);
            arguments.Append(CultureInfo.InvariantCulture, $"/nullable:enable {name}.cs\n");
        }

        await File.WriteAllTextAsync(Path.Combine(directory, ResponseFile), arguments.ToString(), cancellationToken);
    }

    // "(dotnet)/packs/Microsoft.NETCore.App.Ref/10.0.1/ref/net10.0"; this process runs on "(dotnet)/shared/Microsoft.NETCore.App/10.0.1".
    private static string FindReferences()
    {
        string packs = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "../../../packs/Microsoft.NETCore.App.Ref"));
        return (Directory.Exists(packs) ? Directory.EnumerateDirectories(packs, "net*", SearchOption.AllDirectories) : [])
            .Order(StringComparer.Ordinal).LastOrDefault(static path => Path.GetFileName(Path.GetDirectoryName(path)) == "ref")
            ?? throw new BenchException($"There are no reference assemblies of .NET in {packs}.");
    }
}
