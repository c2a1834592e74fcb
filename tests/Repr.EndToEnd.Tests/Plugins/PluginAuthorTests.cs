using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;
using Repr.Plugins;

namespace Repr.EndToEnd.Tests.Plugins;

/// <summary>What somebody without Repr's sources does: the tutorial of docs/plugins.md, with the packages alone.</summary>
public sealed partial class PluginAuthorTests(PackedSdk sdk)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_the_template_makes_passes_the_contract()
    {
        string directory = await NewDirectoryAsync();
        string hive = Path.Combine(directory, "hive");
        await DotnetAsync(directory, "new", "install", $"Repr.Templates::{PackedSdk.Version}", "--debug:custom-hive", hive);

        await DotnetAsync(directory, "new", "repr-plugin", "-n", "Acme.Blobs", "--debug:custom-hive", hive);

        string made = Path.Combine(directory, "Acme.Blobs");
        Assert.DoesNotContain(Directory.EnumerateFiles(made, "*", SearchOption.AllDirectories), static file =>
            (file + File.ReadAllText(file)).Contains("MyStore", StringComparison.OrdinalIgnoreCase) || File.ReadAllText(file).Contains("0.0.0", StringComparison.Ordinal));
        await AssertTestsPassAsync(made);
    }

    [Fact]
    public async Task The_sample_passes_the_contract_and_holds_the_blobs_of_a_worker()
    {
        string directory = await NewDirectoryAsync();
        string sample = Path.Combine(directory, "SqliteStore");
        Copy(Path.Combine(Repository.Root, "tests/assets/SamplePlugin"), sample);
        await AssertTestsPassAsync(sample);
        string plugin = Path.Combine(directory, "plugin");
        await DotnetAsync(sample, "publish", "src/SqliteStore", "-o", plugin, $"-p:ReprVersion={PackedSdk.Version}");
        string database = Path.Combine(directory, "blobs.db");
        string settings = Path.Combine(directory, "repr.json");
        await File.WriteAllTextAsync(
            settings,
            JsonSerializer.Serialize(new { Stores = new[] { new { Plugin = "plugin/SqliteStore.dll", Options = new { Path = database } } } }),
            Cancellation);
        await using WorkerProcess worker = await WorkerProcess.StartAsync(Path.Combine(directory, "worker"), "--config", settings);
        await using Front front = new(worker.Address);
        byte[] input = new byte[300_000];
        new Random(1).NextBytes(input);
        await File.WriteAllBytesAsync(front.PathOf("input"), input, Cancellation);

        FrontRun run = await front.ExecAsync("--", "sh", "-c", "cat input input > output");

        Assert.Equal((0, "", ""), (run.ExitCode, run.Output, run.Error));
        byte[] output = await File.ReadAllBytesAsync(front.PathOf("output"), Cancellation);
        Assert.True(output.AsSpan().SequenceEqual((byte[])[.. input, .. input]));
        Digest sent = Digest.Compute(input);
        IContentStore store = Load(settings);
        while ((await store.FindMissingAsync([sent], Cancellation)).Count > 0)
        {
            // The worker answers before its far store has all.
            await Task.Delay(20, Cancellation);
        }

        await using Stream? kept = await store.OpenAsync(sent, Cancellation);
        Assert.Equal(sent, await Digest.ComputeAsync(kept!, Cancellation));
        Assert.StartsWith("SQLite format 3\0", Encoding.Latin1.GetString(await File.ReadAllBytesAsync(database, Cancellation)), StringComparison.Ordinal);
        Assert.DoesNotContain("REPR1203", worker.Log, StringComparison.Ordinal);
    }

    // The same file, by the plugin itself, in another process than the worker's.
    private static IContentStore Load(string settings)
    {
        PluginSettings read = PluginSettings.Read(settings, "REPR_TEST__");
        SelectedPlugin<IContentStore> selected = Assert.Single(read.Select<IContentStore>("Stores"));
        Assert.Empty(read.Problems);
        Assert.Equal("sqlite", selected.Name);
        return selected.Create(new PluginContext(TimeProvider.System, static _ => { }));
    }

    private async Task<string> NewDirectoryAsync()
    {
        string directory = sdk.NewDirectory();
        foreach (string project in new[] { "src/Repr.Core", "sdk/Repr.Plugins.Testing", "sdk/Repr.Templates" })
        {
            await DotnetAsync(
                Repository.Root, "pack", project, "-c", Repository.Configuration, "-o", sdk.Feed, $"-p:Version={PackedSdk.Version}");
        }

        return directory;
    }

    private static async Task AssertTestsPassAsync(string directory)
    {
        string output = await DotnetAsync(directory, "test", $"-p:ReprVersion={PackedSdk.Version}");
        Assert.True(int.Parse(Succeeded().Match(output).Groups[1].ValueSpan, provider: null) > 30, output);
    }

    private static async Task<string> DotnetAsync(string directory, params string[] arguments)
    {
        BuildRun run = await PackedSdk.RunAsync(directory, arguments, new() { ["DOTNET_CLI_UI_LANGUAGE"] = "en" });
        Assert.True(run.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}\n{run.Output}");
        return run.Output;
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories)
            .Where(static file => !file.Contains("/bin/", StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal)))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    [GeneratedRegex(@"succeeded: ([0-9]+)")]
    private static partial Regex Succeeded();
}
