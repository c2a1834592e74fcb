using System.Globalization;
using Repr.Telemetry;

namespace Repr.Cli;

/// <summary>A report as lines for a person. What is zero is not mentioned.</summary>
internal static class ReportText
{
    private const int LabelWidth = 11;

    /// <summary>Writes it.</summary>
    public static async Task WriteAsync(TextWriter output, BuildReport report)
    {
        TimeSpan wall = report.Ended - report.Started;
        await output.WriteLineAsync(
            $"Build {report.Build}: {Count(report.Actions, "action")} in {Seconds(wall.TotalMilliseconds)}, from {report.Started.ToLocalTime():yyyy-MM-dd HH:mm:ss}");
        await output.WriteLineAsync();
        await LineAsync(output, "Actions", [
            $"{report.Remote} remote",
            $"{report.NotRun} not run remotely",
            .. report.Cancelled > 0 ? [$"{report.Cancelled} cancelled"] : Array.Empty<string>(),
            .. report.Retries > 0 ? [Count(report.Retries, "retry", "retries")] : Array.Empty<string>(),
            .. report.Raced > 0 ? [$"{report.Raced} run twice ({report.RacesWon} faster the second time)"] : Array.Empty<string>(),
        ]);
        foreach (LocalReason reason in report.Reasons)
        {
            await output.WriteLineAsync($"{reason.Actions,LabelWidth + 5}  {reason.Code}  {reason.Message}");
        }

        if (report.Cached + report.CacheMisses > 0)
        {
            await LineAsync(output, "Cache", [
                $"{report.Cached} from the cache{(report.Kept > 0 ? $" ({report.Kept} without a worker)" : "")}", $"{Seconds(report.CachedToolMs)} of tools not run", $"{report.CacheMisses} not known",
            ]);
            foreach (CacheMissReason why in report.MissReasons)
            {
                await output.WriteLineAsync($"{why.Actions,LabelWidth + 5}  {why.Text}");
            }
        }

        foreach (WorkerShare worker in report.Workers)
        {
            await LineAsync(
                output, worker == report.Workers[0] ? "Workers" : "", [$"{worker.Worker}: {Count(worker.Actions, "action")}", $"tools {Seconds(worker.ToolMs)}"]);
        }

        await LineAsync(output, "Time", [
            $"{Seconds(report.Times.TotalMs)} in all actions",
            $"upload {Seconds(report.Times.UploadMs)}",
            $"queue {Seconds(report.Times.QueueMs)}",
            $"tools {Seconds(report.Times.ToolMs)} (waiting for answers {Seconds(report.Times.QuestionsMs)})",
            $"download {Seconds(report.Times.DownloadMs)}",
        ]);
        await LineAsync(output, "Content", [
            $"{Megabytes(report.UploadedBytes)} up in {Count(report.UploadedFiles, "file")}",
            .. report.SharedFiles > 0
                ? [$"{Megabytes(report.SharedBytes)} to the shared store in {Count(report.SharedFiles, "file")}"]
                : Array.Empty<string>(),
            $"{Megabytes(report.DownloadedBytes)} down in {Count(report.DownloadedFiles, "file")}",
        ]);
        await LineAsync(output, "Predicted", [
            Count(report.Mapped, "fact"), $"missed: {Count(report.Questions, "question")} about {Count(report.MissedPaths, "path")}",
        ]);
        foreach (string trace in report.Traces)
        {
            await LineAsync(output, "Trace", [trace]);
        }

        if (report.Missed.Count > 0)
        {
            await output.WriteLineAsync();
            await output.WriteLineAsync("Not predicted, by the time for which tools waited");
            await output.WriteLineAsync("  Time lost  Questions  Actions  Path");
            foreach (MissedPrediction path in report.Missed)
            {
                await output.WriteLineAsync(
                    string.Create(CultureInfo.InvariantCulture, $"{path.LostMs,8:F0} ms  {path.Questions,9}  {path.Actions,7}  {path.Path}"));
            }

            if (report.MissedPaths > report.Missed.Count)
            {
                await output.WriteLineAsync($"  and {Count(report.MissedPaths - report.Missed.Count, "path")} more; --top {report.MissedPaths} shows all");
            }
        }

        if (report.Slowest.Count > 0)
        {
            await output.WriteLineAsync();
            await output.WriteLineAsync("Slowest actions");
            foreach (SlowAction action in report.Slowest)
            {
                await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{action.TotalMs,8:F0} ms  {action.Description}"));
            }
        }
    }

    private static Task LineAsync(TextWriter output, string label, IEnumerable<string> values) =>
        output.WriteLineAsync(label.PadRight(LabelWidth) + string.Join(", ", values));

    private static string Count(long number, string one, string? many = null) =>
        number == 1 ? $"1 {one}" : string.Create(CultureInfo.InvariantCulture, $"{number} {many ?? one + "s"}");

    private static string Seconds(double ms) => string.Create(CultureInfo.InvariantCulture, $"{ms / 1000:F1} s");

    private static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F1} MB");
}
