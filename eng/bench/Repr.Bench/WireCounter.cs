using System.Globalization;
using System.Text.RegularExpressions;

namespace Repr.Bench;

/// <summary>Bytes of TCP payload between the requester and the worker.</summary>
/// <param name="Sent">From requester to worker.</param>
/// <param name="Received">From worker to requester.</param>
internal readonly record struct WireBytes(long Sent, long Received)
{
    /// <summary>What came on top of an earlier count.</summary>
    public static WireBytes operator -(WireBytes later, WireBytes earlier) =>
        new(later.Sent - earlier.Sent, later.Received - earlier.Received);
}

/// <summary>
/// Counts the bytes on the connections to a worker as the kernel does (TCP_INFO of tcp(7), read by ss(8)). A connection that is opened and
/// closed between two counts is missed. Not safe for concurrent use.
/// </summary>
/// <param name="worker">Address of the worker.</param>
internal sealed partial class WireCounter(Uri worker)
{
    private readonly Dictionary<string, WireBytes> _connections = new(StringComparer.Ordinal);

    /// <summary>Payload of all connections so far; null where <c>ss</c> can't say it.</summary>
    public async Task<WireBytes?> CountAsync(CancellationToken cancellationToken)
    {
        string port = worker.Port.ToString(CultureInfo.InvariantCulture);
        ChildProcess run;
        try
        {
            run = await ChildProcess.RunAsync("ss", ["-tinHO", "dst", $"{worker.Host}:{port}"], cancellationToken);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // not installed
        }

        foreach (string line in run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // "ESTAB 0 0 127.0.0.1:32790 127.0.0.1:35089 bbr ... bytes_sent:1000 ... bytes_received:2000 ..."
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 5)
            {
                _connections[words[3]] = new WireBytes(NumberOf(Sent().Match(line)), NumberOf(Received().Match(line)));
            }
        }

        return run.ExitCode == 0
            ? new WireBytes(_connections.Values.Sum(bytes => bytes.Sent), _connections.Values.Sum(bytes => bytes.Received))
            : null;
    }

    private static long NumberOf(Match match) => match.Success ? long.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@" bytes_sent:(\d+)")]
    private static partial Regex Sent();

    [GeneratedRegex(@" bytes_received:(\d+)")]
    private static partial Regex Received();
}
