using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Repr.Requester.Actions;

/// <summary>
/// The queue of commands that run on this machine because no worker runs them: as many at a time as there are processors, and none
/// besides the first while memory is short. A build that has hundreds of commands in flight does not start them all at once when its
/// worker goes away. Safe for concurrent use.
/// </summary>
/// <param name="places">How many may run at the same time.</param>
/// <param name="availableBytes">Memory that can be had without swapping.</param>
/// <param name="time">The clock of the waits for memory.</param>
[SuppressMessage("Design", "CA1001", Justification = "Lives as long as the process, and a semaphore that nobody waits on with a handle holds none.")]
internal sealed class LocalQueue(int places, Func<long> availableBytes, TimeProvider time)
{
    /// <summary>Memory that one more command must find: what a large compile takes.</summary>
    public const long BytesForOne = 1L << 30;

    private static readonly TimeSpan MemoryCheck = TimeSpan.FromMilliseconds(200);

    private readonly SemaphoreSlim _places = new(places);
    private int _running;

    /// <summary>The memory that the kernel says is available (proc_meminfo(5)); without that word as much as can be.</summary>
    public static long AvailableBytes()
    {
        try
        {
            string? line = File.ReadLines("/proc/meminfo").FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal));
            return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, string kilobytes, ..]
                && long.TryParse(kilobytes, NumberStyles.None, CultureInfo.InvariantCulture, out long count)
                    ? count << 10
                    : long.MaxValue;
        }
        catch (IOException)
        {
            return long.MaxValue;
        }
    }

    /// <summary>Waits, in order, for a place. Dispose the result when the command has ended.</summary>
    /// <exception cref="OperationCanceledException">It is not wanted any more.</exception>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await _places.WaitAsync(cancellationToken);
        try
        {
            while (Volatile.Read(ref _running) > 0 && availableBytes() < BytesForOne)
            {
                await Task.Delay(MemoryCheck, time, cancellationToken);
            }
        }
        catch
        {
            _places.Release();
            throw;
        }

        Interlocked.Increment(ref _running);
        return new Place(this);
    }

    private sealed class Place(LocalQueue queue) : IDisposable
    {
        private LocalQueue? _queue = queue;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _queue, null) is { } left)
            {
                Interlocked.Decrement(ref left._running);
                left._places.Release();
            }
        }
    }
}
