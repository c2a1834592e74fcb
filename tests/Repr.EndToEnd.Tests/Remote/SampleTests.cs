using System.Text.Json;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Remote;

/// <summary>The sample solution, compiled by a worker: the same bytes, the same messages, the same incremental behaviour.</summary>
public sealed class SampleTests(PackedSdk sdk)
{
    [Fact]
    public async Task The_sample_is_compiled_remotely_with_identical_results()
    {
        RemoteProject sample = await CreateSampleAsync();
        // Exactly what a compile looks at is predicted; a server of compilers is asked about what it loaded for others, too.
        await using WorkerProcess worker = await sample.StartWorkerAsync("--warm-tool-minutes", "0");

        // First build: all remote, nothing local, every byte as in the local build, the same warnings.
        RemoteBuild first = await sample.BuildRemotelyAsync(worker);
        first.AssertIdentical();
        Assert.Equal(0, first.NotRun);
        Assert.True(first.Remote >= 12, $"{first.Remote} compiles");
        Assert.Equal(sample.Local.Diagnostics, first.Run.Diagnostics);

        // Nothing to do afterwards, neither for a local nor for a remote build.
        RemoteBuild again = await sample.BuildWithoutCleaningAsync(worker);
        Assert.Empty(again.Records);
        Assert.Equal(0, (await PackedSdk.RunAsync(sample.Directory, ["build", "Depot.slnx", "-nologo", "-question"], [])).ExitCode);

        // One file touched: what plain MSBuild compiles again, and nothing else.
        string source = Directory.EnumerateFiles(Path.Combine(sample.Directory, "src/Depot.Model"), "*.cs").Order(StringComparer.Ordinal).First();
        File.SetLastWriteTimeUtc(source, DateTime.UtcNow);
        RemoteBuild touched = await sample.BuildWithoutCleaningAsync(worker);
        touched.AssertIdentical();
        JsonElement record = Assert.Single(touched.Records); // the reference assembly is unchanged: nothing that depends on it
        Assert.Contains("Depot.Model", record.GetProperty("description").GetString(), StringComparison.Ordinal);

        // Everything again: what was observed is predicted, nothing is asked back.
        RemoteBuild second = await sample.BuildRemotelyAsync(worker);
        second.AssertIdentical();
        Assert.Equal(first.Remote, second.Remote);
        Assert.Equal(0, second.AskedBack);

        // A wrong prediction costs questions, never bytes.
        RemoteBuild unpredicted = await sample.BuildRemotelyAsync(worker, "-p:ReprEmptyMapping=true");
        unpredicted.AssertIdentical();
        Assert.Equal(first.Remote, unpredicted.Remote);
        Assert.True(unpredicted.AskedBack > 50 * unpredicted.Remote, $"{unpredicted.AskedBack} questions");
    }

    [Fact]
    public async Task Killing_the_worker_again_and_again_fails_no_build_and_changes_no_byte()
    {
        int kills = int.Parse(Environment.GetEnvironmentVariable("REPR_TEST_KILLS") ?? "20", System.Globalization.CultureInfo.InvariantCulture);
        RemoteProject sample = await CreateSampleAsync();
        await using WorkerProcess worker = await sample.StartWorkerAsync();
        Random random = new(20261124);
        int killed = 0;
        int remote = 0;
        while (killed < kills)
        {
            Task<RemoteBuild> building = sample.BuildRemotelyAsync(worker, "-p:ReprCache=off");
            while (!building.IsCompleted && killed < kills)
            {
                await Task.WhenAny(building, Task.Delay(random.Next(3000, 9000), TestContext.Current.CancellationToken));
                if (building.IsCompleted)
                {
                    break;
                }

                await worker.KillAsync();
                killed++;
                await Task.Delay(random.Next(0, 1500), TestContext.Current.CancellationToken);
                await worker.StartAsync();
            }

            RemoteBuild build = await building;
            build.AssertIdentical();
            remote += build.Remote;
        }

        TestContext.Current.SendDiagnosticMessage($"{killed} kills, {remote} compiles remote all the same");
        Assert.True(remote > 0);
    }

    private async Task<RemoteProject> CreateSampleAsync()
    {
        string directory = SampleCopy.Create(sdk);
        RemoteProject sample = await RemoteProject.CreateAsync(directory, "Depot.slnx");
        Assert.True(sample.Local.ExitCode == 0, sample.Local.Output);
        return sample;
    }
}
