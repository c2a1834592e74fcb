using System.Globalization;

namespace Repr.Testing;

/// <summary>A small C project under random edits, with few different texts, so that states come back.</summary>
/// <param name="directory">Where its files are.</param>
/// <param name="random">Says what is done.</param>
public sealed class RandomCProject(string directory, Random random)
{
    private static readonly string[] s_directories = ["first", "second", "third"];
    private static readonly string[] s_headers = ["a.h", "b.h", "c.h", "d.h"];
    private static readonly string[] s_sources = ["one.c", "two.c"];
    private static readonly string[][] s_flags = [["-O0"], ["-O1"], ["-DX=1"], ["-DX=2", "-Ithird"], ["-include", "second/d.h"]];

    /// <summary>What a compile leaves.</summary>
    public const string Output = "out.o";

    /// <summary>How often to edit: what REPR_TEST_EDITS says, else a usual number.</summary>
    public static int Edits(int usual) => Setting("REPR_TEST_EDITS", usual);

    /// <summary>Where the random numbers begin: what REPR_TEST_SEED says, else always in one place.</summary>
    public static int Seed => Setting("REPR_TEST_SEED", 20261128);

    /// <summary>Writes the sources.</summary>
    public void Begin() => Array.ForEach(s_sources, source => Write(source, Source()));

    /// <summary>The arguments of a compile of one of the sources.</summary>
    public string[] NextCompile() =>
    [
        "/usr/bin/gcc", "-nostdinc", "-c", s_sources[random.Next(s_sources.Length)], "-o", Output, "-Ifirst", "-Isecond", .. s_flags[random.Next(s_flags.Length)],
    ];

    /// <summary>Writes, deletes, renames or links one file, or does nothing.</summary>
    /// <returns>What was done, for people.</returns>
    public string Edit()
    {
        string header = NextHeader();
        string path = Path.Combine(directory, header);
        switch (random.Next(10))
        {
            case 0 or 1 or 2 or 3:
                if (IsThere(path))
                {
                    File.Delete(path); // not through a link, which may lead nowhere
                }

                Write(header, Header());
                return "write " + header;
            case 4 or 5 when IsThere(path):
                File.Delete(path);
                return "delete " + header;
            case 6 when IsThere(path):
                string renamed = NextHeader();
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(directory, renamed))!);
                File.Move(path, Path.Combine(directory, renamed), overwrite: true);
                return $"rename {header} to {renamed}";
            case 7 when !IsThere(path):
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.CreateSymbolicLink(path, Path.Combine("..", s_directories[random.Next(s_directories.Length)], "b.h"));
                return "link " + header;
            case 8:
                string source = s_sources[random.Next(s_sources.Length)];
                Write(source, Source());
                return "write " + source;
            default:
                return "nothing";
        }
    }

    private static int Setting(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : usual;

    private static bool IsThere(string path) => File.Exists(path) || new FileInfo(path).LinkTarget is not null;

    private string NextHeader() => Path.Combine(s_directories[random.Next(s_directories.Length)], s_headers[random.Next(s_headers.Length)]);

    private void Write(string name, string content)
    {
        string path = Path.Combine(directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }

    private string Source() => string.Concat(
        Enumerable.Range(0, random.Next(1, 3)).Select(_ => $"#include \"{s_headers[random.Next(s_headers.Length)]}\"\n"))
        + $"#ifdef X\nint x = X;\n#endif\nint f{random.Next(2)}(void) {{ return VALUE; }}\n";

    private string Header() => random.Next(6) switch
    {
        0 => "#include \"d.h\"\n",
        1 => "#if __has_include(\"c.h\")\n#define VALUE 3\n#else\n#define VALUE 4\n#endif\n",
        2 => "#warning said\n#define VALUE 5\n",
        int value => $"#ifndef VALUE\n#define VALUE {value}\n#endif\n",
    };
}
