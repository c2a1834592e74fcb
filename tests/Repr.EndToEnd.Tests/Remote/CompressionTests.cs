using Repr.EndToEnd.Tests.Exec;

namespace Repr.EndToEnd.Tests.Remote;

/// <summary>What crosses the line to a worker on another machine, which is one whose address is not this machine's own loopback.</summary>
public sealed class CompressionTests
{
    // 24 MB there and 24 MB back, of which 4 MB are random: small files, which travel together, and large ones.
    private const string Script = """
        set -e
        ip link set lo up
        ip address replace "$address/8" dev lo
        $dotnet serve --listen "http://$address:0" --dangerously-allow-anyone --data worker --port-file port >worker.log 2>&1 &
        trap 'kill %1; wait' EXIT
        until [ -s port ]; do kill -0 %1; sleep 0.05; done
        mkdir small
        seq 1 1700000 > large.txt
        head -c 4000000 /dev/urandom > noise
        for file in $(seq 1 40); do seq "$file" 20000 > "small/$file.txt"; done
        received() { awk '$1 == "lo:" { print $2 }' /proc/net/dev; }
        before=$(received)
        export REPR_ENDPOINT=$(cat port)
        $repr exec --fail -- sh -c 'mkdir -p out; cp large.txt noise small/*.txt out'
        echo $(($(received) - before))
        for file in large.txt noise small/*.txt; do cmp "$file" "out/${file##*/}" >&2; done
        """;

    [Fact]
    public async Task Content_travels_compressed_both_ways_and_arrives_as_it_was()
    {
        long there = await MeasureAsync("198.51.100.7"); // RFC 5737: nobody's
        long here = await MeasureAsync("127.0.0.1");

        Assert.InRange(there, 8_000_000, here / 2);
    }

    private static async Task<long> MeasureAsync(string address)
    {
        await using Front front = new(endpoint: null);
        front.Environment["address"] = address;
        front.Environment["repr"] = front.Program;
        front.Environment["dotnet"] = "dotnet " + Path.Combine(Repository.Product, "repr.dll");
        string[] another = Environment.IsPrivilegedProcess ? ["--net"] : ["--user", "--map-root-user", "--net"];

        FrontRun run = await front.RunHereAsync("unshare", [.. another, "bash", "-c", Script]);

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        return long.Parse(run.Output, System.Globalization.CultureInfo.InvariantCulture);
    }
}
