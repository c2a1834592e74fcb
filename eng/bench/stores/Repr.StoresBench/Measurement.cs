using System.Diagnostics;
using System.Security.Cryptography;

namespace Repr.StoresBench;

/// <summary>Seconds of each way in each round, for one operation on blobs of one size.</summary>
/// <param name="Store">The plugin's name.</param>
/// <param name="Operation">"put" or "get".</param>
/// <param name="Size">Bytes of a blob.</param>
/// <param name="Count">Blobs in a round.</param>
/// <param name="Seconds">By the title of the way; the rounds in order.</param>
internal sealed record Measurement(
    string Store, string Operation, int Size, int Count, IReadOnlyDictionary<string, List<double>> Seconds)
{
    /// <summary>Measures one size on a server: all ways in each round, in an order that rotates, put before get.</summary>
    /// <param name="backend">The server.</param>
    /// <param name="size">Bytes of a blob.</param>
    /// <param name="count">Blobs in a round.</param>
    /// <param name="concurrency">Blobs that are under way at once.</param>
    /// <param name="rounds">Rounds that count; one before them warms up.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<IReadOnlyList<Measurement>> TakeAsync(
        Backend backend, int size, int count, int concurrency, int rounds, CancellationToken cancellationToken)
    {
        Blob[] blobs = [.. Enumerable.Range(0, count).Select(_ => RandomNumberGenerator.GetBytes(size)).Select(static (content, number) =>
            new Blob($"raw-{content.Length}-{number}", Digest.Compute(content), content))];
        Measurement put = new(backend.Name, "put", size, count, backend.Subjects.ToDictionary(static way => way.Title, static _ => new List<double>()));
        Measurement get = put with { Operation = "get", Seconds = backend.Subjects.ToDictionary(static way => way.Title, static _ => new List<double>()) };
        for (int round = -1; round < rounds; round++)
        {
            foreach ((Measurement measurement, Func<Subject, Blob, Task> act) in new (Measurement, Func<Subject, Blob, Task>)[]
            {
                (put, (way, blob) => way.PutAsync(blob, cancellationToken)),
                (get, async (way, blob) =>
                {
                    if (await way.GetAsync(blob, cancellationToken) != size)
                    {
                        throw new InvalidOperationException($"{backend.Name}: blob {blob.Digest} came back with another length.");
                    }
                }),
            })
            {
                for (int turn = 0; turn < backend.Subjects.Count; turn++)
                {
                    Subject way = backend.Subjects[(turn + round + 1) % backend.Subjects.Count];
                    GC.Collect();
                    long began = Stopwatch.GetTimestamp();
                    await Parallel.ForEachAsync(
                        blobs,
                        new ParallelOptions { MaxDegreeOfParallelism = concurrency, CancellationToken = cancellationToken },
                        async (blob, _) => await act(way, blob));
                    if (round >= 0)
                    {
                        measurement.Seconds[way.Title].Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
                    }
                }
            }
        }

        return [put, get];
    }

    /// <summary>How fast a way is beside the first: the median of the rounds' ratios, each of two neighbours in time.</summary>
    public double RatioOf(string title)
    {
        List<double> raw = Seconds.Values.First();
        return Median(raw.Zip(Seconds[title], static (first, other) => first / other));
    }

    /// <summary>The median of a way's rounds, in blobs for each second.</summary>
    public double RateOf(string title) => Count / Median(Seconds[title]);

    private static double Median(IEnumerable<double> figures)
    {
        double[] ordered = [.. figures.Order()];
        return (ordered[(ordered.Length - 1) / 2] + ordered[ordered.Length / 2]) / 2;
    }
}
