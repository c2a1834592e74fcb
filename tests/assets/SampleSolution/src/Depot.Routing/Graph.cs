using System.Numerics;

namespace Depot.Routing;

/// <summary>Places and ways between them.</summary>
/// <typeparam name="TCost">What a way costs.</typeparam>
public sealed class Graph<TCost>
    where TCost : INumber<TCost>
{
    private readonly Dictionary<string, List<(string To, TCost Cost)>> _ways = [];

    /// <summary>Adds a way in both directions.</summary>
    public void Connect(string from, string to, TCost cost)
    {
        Ways(from).Add((to, cost));
        Ways(to).Add((from, cost));
    }

    /// <summary>The cheapest cost; null when there is no way.</summary>
    public TCost? CheapestOrDefault(string from, string to, TCost zero)
    {
        PriorityQueue<string, TCost> open = new();
        HashSet<string> seen = [];
        open.Enqueue(from, zero);
        while (open.TryDequeue(out string? place, out TCost? cost))
        {
            if (place == to)
            {
                return cost;
            }

            if (seen.Add(place))
            {
                foreach ((string next, TCost step) in Ways(place))
                {
                    open.Enqueue(next, cost + step);
                }
            }
        }

        return default;
    }

    private List<(string To, TCost Cost)> Ways(string place)
    {
        if (!_ways.TryGetValue(place, out List<(string To, TCost Cost)>? ways))
        {
            _ways[place] = ways = [];
        }

        return ways;
    }
}
