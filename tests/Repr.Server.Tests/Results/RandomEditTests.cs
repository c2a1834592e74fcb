using System.Diagnostics;
using System.Globalization;
using Repr.Protocol;
using Repr.Server.Tests.Sessions;

namespace Repr.Server.Tests.Results;

using Repr.Protocol.V1; // here, so that it hides the types of Repr with the same names

/// <summary>
/// A small C project under random edits: whatever is known and whatever is run, the bytes are those of a compile without a worker.
/// REPR_TEST_EDITS says how many edits, REPR_TEST_SEED which.
/// </summary>
public sealed class RandomEditTests(WorkerFixture worker) : IClassFixture<WorkerFixture>, IDisposable
{
    private static readonly string[] s_directories = ["first", "second", "third"];
    private static readonly string[] s_headers = ["a.h", "b.h", "c.h", "d.h"];
    private static readonly string[] s_sources = ["one.c", "two.c"];
    private static readonly string[][] s_flags = [["-O0"], ["-O1"], ["-DX=1"], ["-DX=2", "-Ithird"], ["-include", "second/d.h"]];

    private readonly CacheProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public async Task Random_edits_never_lead_to_other_bytes()
    {
        Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
        int edits = Setting("REPR_TEST_EDITS", 250);
        int seed = Setting("REPR_TEST_SEED", 20261128);
        Random random = new(seed);
        await using TestRequester requester = await TestRequester.ConnectAsync(worker.Address);
        foreach (string source in s_sources)
        {
            _project.Write(source, Source(random));
        }

        int hits = 0;
        int failures = 0;
        long start = Stopwatch.GetTimestamp();
        for (int edit = 0; edit < edits; edit++)
        {
            string did = Edit(random);
            string source = s_sources[random.Next(s_sources.Length)];
            string[] compile =
                ["/usr/bin/gcc", "-nostdinc", "-c", source, "-o", "out.o", "-Ifirst", "-Isecond", .. s_flags[random.Next(s_flags.Length)]];
            requester.Texts.Clear();
            Completed completed = await requester.ExecuteAsync(_project.Command(compile));
            Assert.True(completed.Failure is null, completed.Failure?.Message);
            (int exitCode, string error) = _project.RunHere(compile);

            string where = $"edit {edit} of seed {seed} ({did}), {string.Join(' ', compile)}, {(completed.Cached is null ? "ran" : "known")}";
            Assert.True(exitCode == completed.Exit.Code, where);
            Assert.True(error == requester.TextOf(Text.Types.Stream.Stderr), where);
            Assert.True(completed.NotRepeatable.Count == 0, where);
            if (exitCode == 0)
            {
                Output output = Assert.Single(completed.Outputs);
                byte[] expected = await File.ReadAllBytesAsync(_project.PathOf("out.o"), TestContext.Current.CancellationToken);
                Assert.True(Repr.Digest.Compute(expected) == output.File.Digest.ToCore(), where);
                File.Delete(_project.PathOf("out.o"));
            }

            // What does not change is sent with the next command, so that it need not be asked again.
            foreach ((string path, InputFact fact) in requester.Said.Where(fact => !fact.Key.StartsWith(_project.Directory, StringComparison.Ordinal)))
            {
                _project.Facts.TryAdd(path, fact);
            }

            hits += completed.Cached is null ? 0 : 1;
            failures += exitCode == 0 ? 0 : 1;
        }

        TestContext.Current.SendDiagnosticMessage(
            $"{edits} edits in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s: {hits} known, {failures} compile errors");
        Assert.True(hits > edits / 10, $"{hits} hits of {edits}");
        Assert.True(edits - hits > edits / 20, $"{hits} hits of {edits}");
    }

    private static int Setting(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : usual;

    // Few different texts, so that states come back.
    private static string Source(Random random) => string.Concat(
        Enumerable.Range(0, random.Next(1, 3)).Select(_ => $"#include \"{s_headers[random.Next(s_headers.Length)]}\"\n"))
        + $"#ifdef X\nint x = X;\n#endif\nint f{random.Next(2)}(void) {{ return VALUE; }}\n";

    private static string Header(Random random) => random.Next(6) switch
    {
        0 => "#include \"d.h\"\n",
        1 => "#if __has_include(\"c.h\")\n#define VALUE 3\n#else\n#define VALUE 4\n#endif\n",
        2 => "#warning said\n#define VALUE 5\n",
        int value => $"#ifndef VALUE\n#define VALUE {value}\n#endif\n",
    };

    private static bool IsThere(string path) => File.Exists(path) || new FileInfo(path).LinkTarget is not null;

    private string Edit(Random random)
    {
        string header = Path.Combine(s_directories[random.Next(s_directories.Length)], s_headers[random.Next(s_headers.Length)]);
        string path = _project.PathOf(header);
        switch (random.Next(10))
        {
            case 0 or 1 or 2 or 3:
                if (IsThere(path))
                {
                    File.Delete(path); // not through a link, which may lead nowhere
                }

                _project.Write(header, Header(random));
                return "write " + header;
            case 4 or 5 when IsThere(path):
                File.Delete(path);
                return "delete " + header;
            case 6 when IsThere(path):
                string renamed = Path.Combine(s_directories[random.Next(s_directories.Length)], s_headers[random.Next(s_headers.Length)]);
                Directory.CreateDirectory(Path.GetDirectoryName(_project.PathOf(renamed))!);
                File.Move(path, _project.PathOf(renamed), overwrite: true);
                return $"rename {header} to {renamed}";
            case 7 when !IsThere(path):
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.CreateSymbolicLink(path, Path.Combine("..", s_directories[random.Next(s_directories.Length)], "b.h"));
                return "link " + header;
            case 8:
                string source = s_sources[random.Next(s_sources.Length)];
                _project.Write(source, Source(random));
                return "write " + source;
            default:
                return "nothing";
        }
    }
}
