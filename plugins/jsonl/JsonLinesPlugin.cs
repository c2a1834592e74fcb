using System.ComponentModel.DataAnnotations;

namespace Repr.Telemetry.JsonLines;

/// <summary>Options of <see cref="JsonLinesPlugin"/>.</summary>
public sealed class JsonLinesOptions
{
    /// <summary>Where the files go; made if it does not exist. An absolute path.</summary>
    [Required]
    [RegularExpression("/.*", ErrorMessage = "must be an absolute path.")]
    public string Directory { get; set; } = "";

    /// <summary>Files that were not written for so many days are removed at start.</summary>
    [Range(1, 36500)]
    public int KeptDays { get; set; } = 14;
}

/// <summary>
/// "jsonl": every event as a line of a file, in the form of the build record, to a directory of one's choice. Unlike the requester's own
/// record it has the ends of builds and, on a worker, what the worker did.
/// </summary>
public sealed class JsonLinesPlugin : IPlugin<ITelemetrySink, JsonLinesOptions>
{
    /// <inheritdoc/>
    public string Name => "jsonl";

    /// <inheritdoc/>
    public ITelemetrySink Create(JsonLinesOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        return new JsonLinesSink(options.Directory, TimeSpan.FromDays(options.KeptDays), context.Time);
    }
}
