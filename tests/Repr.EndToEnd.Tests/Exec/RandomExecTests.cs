using System.Text.Json;
using Repr.EndToEnd.Tests.Remote;
using Repr.Testing;

namespace Repr.EndToEnd.Tests.Exec;

/// <summary>
/// A small C project under random edits: whether the requester process knows a result, a worker does or the compiler runs, bytes, text and exit code are those of a local
/// compile. REPR_TEST_EDITS says how many edits, REPR_TEST_SEED which.
/// </summary>
public sealed class RandomExecTests
{
    [Fact]
    public async Task Random_edits_never_lead_to_other_bytes()
    {
        int edits = RandomCProject.Edits(100);
        int seed = RandomCProject.Seed;
        string directory = Directory.CreateTempSubdirectory("repr-random-").FullName;
        await using WorkerProcess worker = await WorkerProcess.StartAsync(directory);
        await using Front front = new(worker.Address);
        RandomCProject sources = new(front.Directory, new Random(seed));
        sources.Begin();
        int runs = 0;
        for (int edit = 0; edit < edits; edit++)
        {
            string did = sources.Edit();
            string[] compile = sources.NextCompile();
            FrontRun expected = await front.RunHereAsync(compile[0], compile[1..]);
            byte[]? made = Take();

            // Again and again: run, then known, then known here.
            for (int again = 0; again <= edit % 4; again++, runs++)
            {
                FrontRun run = await front.ExecAsync(["--fail", "--no-stdin", "--cache", "readwrite", "--build-id", "random", .. compile]);
                string where = $"edit {edit} of seed {seed} ({did}), {string.Join(' ', compile)}, time {again}: {run.Error}";
                Assert.True((expected.ExitCode, expected.Error) == (run.ExitCode, run.Error), where);
                Assert.True(Take().AsSpan().SequenceEqual(made), where);
            }
        }

        IReadOnlyList<JsonElement> records = front.RecordsOf("random");
        int known = records.Count(static record => record.TryGetProperty("cached_tool_ms", out _));
        int kept = records.Count(static record => record.TryGetProperty("kept", out _));
        TestContext.Current.SendDiagnosticMessage($"{edits} edits, {runs} compiles: {known} known, {kept} of them without a worker");
        Assert.Equal(runs, records.Count);
        Assert.True(kept > runs / 20 && known - kept > runs / 20 && runs - known > runs / 20, $"{known} known, {kept} kept of {runs}");

        byte[]? Take()
        {
            string path = front.PathOf(RandomCProject.Output);
            if (!File.Exists(path))
            {
                return null;
            }

            byte[] content = File.ReadAllBytes(path);
            File.Delete(path);
            return content;
        }
    }
}
