using System.Diagnostics;
using Repr.Protocol;
using Repr.Server.Tests.Sessions;
using Repr.Testing;

namespace Repr.Server.Tests.Results;

using Repr.Protocol.V1; // here, so that it hides the types of Repr with the same names

/// <summary>
/// A small C project under random edits: whatever is known and whatever is run, the bytes are those of a compile without a worker.
/// REPR_TEST_EDITS says how many edits, REPR_TEST_SEED which.
/// </summary>
public sealed class RandomEditTests(WorkerFixture worker) : IClassFixture<WorkerFixture>, IDisposable
{
    private readonly CacheProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public async Task Random_edits_never_lead_to_other_bytes()
    {
        Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
        int edits = RandomCProject.Edits(250);
        int seed = RandomCProject.Seed;
        RandomCProject sources = new(_project.Directory, new Random(seed));
        await using TestRequester requester = await TestRequester.ConnectAsync(worker.Address);
        sources.Begin();

        int hits = 0;
        int failures = 0;
        long start = Stopwatch.GetTimestamp();
        for (int edit = 0; edit < edits; edit++)
        {
            string did = sources.Edit();
            string[] compile = sources.NextCompile();
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
                byte[] expected = await File.ReadAllBytesAsync(_project.PathOf(RandomCProject.Output), TestContext.Current.CancellationToken);
                Assert.True(Repr.Digest.Compute(expected) == output.File.Digest.ToCore(), where);
                File.Delete(_project.PathOf(RandomCProject.Output));
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
}
