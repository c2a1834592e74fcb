using System.Text.Json;
using System.Text.Json.Serialization;

namespace Repr.Telemetry;

/// <summary>The form of events as JSON: one object, names in snake case, <c>event</c> names the kind; what is null is left out.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TelemetryEvent))]
[JsonSerializable(typeof(BuildReport))]
public sealed partial class TelemetryJson : JsonSerializerContext
{
    /// <summary>Reads a line; null when it is not one of an event that this version knows.</summary>
    public static TelemetryEvent? TryRead(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, Default.TelemetryEvent);
        }
        catch (Exception exception) when (exception is JsonException or NotSupportedException)
        {
            return null;
        }
    }
}
