using System.CommandLine;
using System.Text.Json;
using Repr.Requester.Door;
using Repr.Telemetry;

namespace Repr.Cli;

/// <summary><c>repr report</c>: adds up the record of a build, for people or as JSON.</summary>
internal static class ReportCommand
{
    private static readonly TelemetryJson Indented = new(new JsonSerializerOptions(TelemetryJson.Default.Options) { WriteIndented = true });

    /// <summary>Makes the verb.</summary>
    public static System.CommandLine.Command Create()
    {
        Argument<string?> build = new("build") { Description = "The build id; without it the newest record.", Arity = ArgumentArity.ZeroOrOne };
        Option<int> top = new("--top") { Description = "How many paths and slow actions to name.", DefaultValueFactory = _ => 10 };
        top.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 0)
            {
                result.AddError("--top is not negative.");
            }
        });
        Option<bool> json = new("--json") { Description = "Write one JSON object." };
        System.CommandLine.Command command = new("report", "Show what a build did remotely, what not and why, and where time was lost.") { build, top, json };
        command.SetAction((parsed, cancellationToken) =>
            RunAsync(parsed.GetValue(build), parsed.GetValue(top), parsed.GetValue(json), parsed.InvocationConfiguration, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        string? build, int top, bool asJson, InvocationConfiguration console, CancellationToken cancellationToken)
    {
        string records = Path.Combine(DoorPaths.FindCacheDirectory(), "records");
        try
        {
            string? path = JsonLinesSink.Find(records, build);
            BuildReport? report = path is null ? null : await BuildReport.ReadAsync(path, top, cancellationToken);
            if (report is null)
            {
                await console.Error.WriteLineAsync(build is null
                    ? $"There is no build record in {records}; a build with an endpoint makes one."
                    : $"There is no record of a build '{build}' in {records}; without an id the newest is shown.");
                return 1;
            }

            if (asJson)
            {
                await console.Output.WriteLineAsync(JsonSerializer.Serialize(report, Indented.BuildReport));
            }
            else
            {
                await ReportText.WriteAsync(console.Output, report);
            }

            return 0;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            await console.Error.WriteLineAsync($"The build record cannot be read: {exception.Message}");
            return 1;
        }
    }
}
