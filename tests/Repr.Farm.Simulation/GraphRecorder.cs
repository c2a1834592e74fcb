using System.Text.Json;
using System.Xml.Linq;

namespace Repr.Farm.Simulation;

/// <summary>Makes a graph of a build record and the projects that it is of: what took how long, and which compile needs which.</summary>
internal static class GraphRecorder
{
    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Reads both and returns the graph as JSON.</summary>
    /// <param name="record">A file of build records (JSON Lines).</param>
    /// <param name="solution">The directory of its projects.</param>
    public static string Record(string record, string solution)
    {
        Dictionary<string, string[]> references = new(StringComparer.Ordinal);
        foreach (string project in Directory.EnumerateFiles(solution, "*.*proj", SearchOption.AllDirectories))
        {
            references[Path.GetFileNameWithoutExtension(project)] = [.. XDocument.Load(project).Descendants("ProjectReference")
                .Select(static element => Path.GetFileNameWithoutExtension(element.Attribute("Include")!.Value.Replace('\\', '/')))];
        }

        Dictionary<string, double> seconds = new(StringComparer.Ordinal);
        foreach (string line in File.ReadLines(record))
        {
            using JsonDocument parsed = JsonDocument.Parse(line);
            JsonElement action = parsed.RootElement;
            if (action.TryGetProperty("outcome", out JsonElement outcome) && outcome.GetString() == "remote")
            {
                string project = action.GetProperty("description").GetString()!.Split(' ', 2)[1];
                seconds[project] = action.GetProperty("tool_ms").GetDouble() / 1000;
            }
        }

        List<string> order = [];
        foreach (string project in seconds.Keys.Order(StringComparer.Ordinal))
        {
            Visit(project);
        }

        return JsonSerializer.Serialize(
            order.Select(project => new RecordedAction(project, seconds[project], [.. Needs(project).Select(need => order.IndexOf(need)).Order()])), s_options);

        void Visit(string project)
        {
            if (!order.Contains(project))
            {
                Needs(project).ToList().ForEach(Visit);
                order.Add(project);
            }
        }

        IEnumerable<string> Needs(string project) => references.GetValueOrDefault(project, []).Where(seconds.ContainsKey).Distinct();
    }
}
