namespace Repr.Bench;

/// <summary>The medians of one configuration over the rounds, beside those of the first one.</summary>
/// <param name="Configuration">Key of the configuration.</param>
/// <param name="WallSeconds">Seconds.</param>
/// <param name="WallRatio">To the first configuration of the same run.</param>
/// <param name="RequesterCpuSeconds">Processor seconds of the requester's side; null: not counted.</param>
/// <param name="RequesterCpuRatio">To the first configuration of the same run; null: not counted.</param>
/// <param name="WorkerCpuSeconds">Processor seconds of the workers; null: not counted.</param>
/// <param name="WireBytes">Bytes between the two, both ways together.</param>
/// <param name="Wrong">Builds that failed or left other files than the local build. Their times count.</param>
internal sealed record Summary(
    string Configuration,
    double WallSeconds,
    double WallRatio,
    double? RequesterCpuSeconds,
    double? RequesterCpuRatio,
    double? WorkerCpuSeconds,
    double WireBytes,
    int Wrong)
{
    /// <summary>Adds up the rounds of a series.</summary>
    public static IReadOnlyList<Summary> Of(Series series)
    {
        ILookup<string, Measurement> rounds = series.Measurements.Where(static build => build.Round > 0).ToLookup(static build => build.Configuration);
        List<Summary> summaries = [];
        foreach (Configuration configuration in series.Workload.Configurations.Where(configuration => rounds.Contains(configuration.Key)))
        {
            List<Measurement> builds = [.. rounds[configuration.Key]];
            double wall = Figures.Median(builds.Select(static build => (double?)build.WallSeconds))!.Value;
            double? cpu = Figures.Median(builds.Select(static build => build.RequesterCpuSeconds));
            Summary? first = summaries.FirstOrDefault();
            summaries.Add(new Summary(
                configuration.Key,
                wall,
                first is null ? 1 : wall / first.WallSeconds,
                cpu,
                first is null ? (cpu is null ? null : 1) : cpu / first.RequesterCpuSeconds,
                Figures.Median(builds.Select(static build => build.WorkerCpuSeconds)),
                Figures.Median(builds.Select(static build => (double?)(build.Wire.Sent + build.Wire.Received)))!.Value,
                builds.Count(static build => build.Wrong is not null)));
        }

        return summaries;
    }
}
