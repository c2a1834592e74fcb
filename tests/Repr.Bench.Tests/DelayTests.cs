using System.Net;
using System.Net.NetworkInformation;
using Repr.Bench.Peers;

namespace Repr.Bench.Tests;

public sealed class DelayTests
{
    [Fact]
    public void A_packet_is_given_on_when_its_time_has_come_and_never_before_an_earlier_one()
    {
        DelayQueue queue = new(delay: 10);
        byte[] first = [1];
        byte[] second = [2, 2];
        queue.Add(first, 1, now: 100);
        queue.Add(second, 2, now: 104);

        Assert.False(queue.TryTake(109, out _, out _));
        Assert.Equal(1, queue.UntilNext(109));
        Assert.True(queue.TryTake(110, out byte[] taken, out int length));
        Assert.Equal((first, 1), (taken, length));
        Assert.False(queue.TryTake(113, out _, out _));
        Assert.True(queue.TryTake(500, out taken, out length));
        Assert.Equal((second, 2), (taken, length));
        Assert.False(queue.TryTake(501, out _, out _));
        Assert.Equal(long.MaxValue, queue.UntilNext(501));
    }

    [Fact]
    public void A_buffer_that_was_given_back_is_used_again()
    {
        DelayQueue queue = new(delay: 0);
        byte[] buffer = queue.Rent(100);
        queue.Return(buffer);

        Assert.Same(buffer, queue.Rent(100));
        Assert.NotSame(buffer, queue.Rent(100));
    }

    [Fact]
    public async Task A_network_with_a_delay_answers_no_sooner_and_leaves_no_device()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists("/dev/net/tun"), "Root and /dev/net/tun are needed to make a network.");
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        const int RoundTripMs = 40;
        string name;
        await using (WorkerNetwork network = await WorkerNetwork.CreateAsync(TimeSpan.FromMilliseconds(RoundTripMs), cancellationToken))
        {
            name = network.Name;
            WireBytes before = network.Count();

            double? roundTrip = await Comparison.MeasureRoundTripAsync(cancellationToken);

            Assert.True(roundTrip >= RoundTripMs, $"{roundTrip} ms");
            WireBytes bytes = network.Count() - before;
            Assert.True(bytes.Sent > 0 && bytes.Received > 0);
        }

        Assert.DoesNotContain(NetworkInterface.GetAllNetworkInterfaces(), device => device.Name == name);
    }

    [Fact]
    public async Task Content_crosses_a_network_with_a_delay_whole()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists("/dev/net/tun"), "Root and /dev/net/tun are needed to make a network.");
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        byte[] content = new byte[8 << 20];
        Random.Shared.NextBytes(content);
        string file = Path.GetTempFileName();
        try
        {
            await using WorkerNetwork network = await WorkerNetwork.CreateAsync(TimeSpan.FromMilliseconds(2), cancellationToken);
            System.Net.Sockets.TcpListener listener = new(IPAddress.Parse(WorkerNetwork.RequesterAddress), 0);
            listener.Start();
            int port = ((IPEndPoint)listener.LocalEndpoint).Port;
            string fetch = $"exec 3<>/dev/tcp/{WorkerNetwork.RequesterAddress}/{port} && cat <&3 >{file}";
            Task<ChildProcess> fetching = ChildProcess.RunAsync(
                network.CommandPrefix[0], [.. network.CommandPrefix.Skip(1), "bash", "-c", fetch], cancellationToken);
            using (System.Net.Sockets.Socket socket = await listener.AcceptSocketAsync(cancellationToken))
            {
                await using System.Net.Sockets.NetworkStream stream = new(socket);
                await stream.WriteAsync(content, cancellationToken);
            }

            Assert.Equal(0, (await fetching).ExitCode);
            listener.Stop();
            Assert.Equal(content, await File.ReadAllBytesAsync(file, cancellationToken));
        }
        finally
        {
            File.Delete(file);
        }
    }
}
