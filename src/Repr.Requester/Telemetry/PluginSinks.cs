using Microsoft.Extensions.Logging;
using Repr.Telemetry;

namespace Repr.Requester.Telemetry;

/// <summary>Makes sinks of the plugins of the settings file.</summary>
internal static partial class PluginSinks
{
    /// <summary>What makes the sinks of the section <c>Telemetry</c>; warnings go to the log.</summary>
    public static IReadOnlyCollection<NamedSink> MakeSinks(this RequesterPlugins plugins, TimeProvider time, ILogger log) =>
        [.. plugins.Telemetry.Select(plugin => new NamedSink(
            plugin.Name, () => plugin.Create(new PluginContext(time, warning => Log.PluginWarns(log, plugin.Name, warning)))))];

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Plugin '{Name}': {Warning}")]
        public static partial void PluginWarns(ILogger log, string name, string warning);
    }
}
