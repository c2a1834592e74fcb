using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Repr.Bench.Peers;

/// <summary>
/// A line between two tunnel devices that gives each packet on after a while, in both directions, as a long cable does: bandwidth is not
/// limited, nothing is lost or overtaken. It works for every protocol and where the kernel has no netem, at the price of some processor
/// time of this process. Large packets stay whole (segmentation offload), and TCP's windows are those of its real segments. Disposing it
/// removes the devices.
/// </summary>
internal sealed class TunLine : IDisposable
{
    private const int LargestPacket = 65535 + 64; // with virtio's header
    private const int DeviceNameLength = 16; // IFNAMSIZ
    private const int RequestLength = 40; // struct ifreq

    private readonly int[] _devices = [-1, -1];
    private readonly List<Thread> _directions = [];
    private volatile bool _isClosing;
    private long _packets;

    private TunLine()
    {
    }

    /// <summary>Packets given on so far.</summary>
    public long Packets => Interlocked.Read(ref _packets);

    /// <summary>Makes both devices, which are on this side and down, and begins to give on.</summary>
    /// <param name="near">Name of one device, at most 15 bytes.</param>
    /// <param name="far">Name of the other.</param>
    /// <param name="delay">How long each packet is held.</param>
    /// <exception cref="IOException">There are no tunnel devices here, or this user may not make them.</exception>
    public static TunLine Open(string near, string far, TimeSpan delay)
    {
        TunLine line = new();
        try
        {
            line._devices[0] = OpenDevice(near);
            line._devices[1] = OpenDevice(far);
        }
        catch
        {
            line.Dispose();
            throw;
        }

        foreach ((int from, int to) in new[] { (0, 1), (1, 0) })
        {
            DelayQueue queue = new((long)(delay.TotalSeconds * Stopwatch.Frequency));
            Thread direction = new(() => line.GiveOn(line._devices[from], line._devices[to], queue)) { IsBackground = true, Name = "line" };
            line._directions.Add(direction);
            direction.Start();
        }

        return line;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isClosing = true;
        _directions.ForEach(static direction => direction.Join());
        foreach (int device in _devices.Where(static device => device >= 0))
        {
            _ = TunNative.Close(device);
        }

        _devices.AsSpan().Fill(-1);
    }

    private static unsafe int OpenDevice(string name)
    {
        int device = TunNative.Open("/dev/net/tun", TunNative.OpenFlags);
        if (device < 0)
        {
            throw Failure("/dev/net/tun can't be opened");
        }

        Span<byte> request = stackalloc byte[RequestLength];
        request.Clear();
        if (Encoding.ASCII.GetBytes(name, request[..(DeviceNameLength - 1)]) != name.Length)
        {
            throw new ArgumentException($"The name of a device is ASCII: {name}", nameof(name));
        }

        MemoryMarshal.Write(request[DeviceNameLength..], TunNative.Flags);
        fixed (byte* argument = request)
        {
            if (TunNative.Control(device, TunNative.SetInterface, (nuint)argument) < 0
                || TunNative.Control(device, TunNative.SetOffload, TunNative.Offloads) < 0)
            {
                IOException failure = Failure($"The tunnel device {name} can't be made");
                _ = TunNative.Close(device);
                throw failure;
            }
        }

        return device;
    }

    private static IOException Failure(string what) => new($"{what}: {Marshal.GetLastPInvokeErrorMessage()}");

    // Reads what is there, gives on what is due, and sleeps until one of the two may be.
    private unsafe void GiveOn(int from, int to, DelayQueue queue)
    {
        TunNative.WaitExactly();
        TunNative.Poll poll = new() { File = from, Events = TunNative.Readable };
        while (!_isClosing)
        {
            byte[] buffer = queue.Rent(LargestPacket);
            nint length;
            fixed (byte* start = buffer)
            {
                while ((length = TunNative.Read(from, start, buffer.Length)) > 0)
                {
                    break;
                }
            }

            if (length > 0)
            {
                queue.Add(buffer, (int)length, Stopwatch.GetTimestamp());
            }
            else
            {
                queue.Return(buffer);
            }

            while (queue.TryTake(Stopwatch.GetTimestamp(), out byte[] packet, out int size))
            {
                fixed (byte* start = packet)
                {
                    _ = TunNative.Write(to, start, size); // a device that is down loses it, as a cable does
                }

                queue.Return(packet);
                Interlocked.Increment(ref _packets);
            }

            if (length <= 0)
            {
                double seconds = Math.Min(0.05, queue.UntilNext(Stopwatch.GetTimestamp()) / (double)Stopwatch.Frequency);
                TunNative.Time limit = new() { Nanoseconds = (long)(seconds * 1e9) };
                _ = TunNative.Wait(&poll, 1, &limit, null);
            }
        }
    }
}
