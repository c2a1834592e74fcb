using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Reapi;
using CoreDigest = Repr.Digest;
using WireActionResult = Repr.Protocol.Reapi.ActionResult;

namespace Repr.Server.Tests.Services;

/// <summary>The action cache has a bound, and what was used last stays.</summary>
public sealed class ActionCacheBoundTests : IDisposable
{
    private const int Block = 4096;

    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("repr-results-").FullName;
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => System.IO.Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task The_least_recently_used_results_make_room_for_new_ones()
    {
        await using ReapiFixture server = new();
        await server.InitializeAsync();
        const int Room = ReapiFixture.ActionCacheBytes / Block;
        async Task PutAsync(int number) => await server.Results.UpdateActionResultAsync(
            new UpdateActionResultRequest { ActionDigest = Action(number).ToReapi(), ActionResult = new WireActionResult { ExitCode = number } },
            cancellationToken: Cancellation);
        async Task<WireActionResult> GetAsync(int number) => await server.Results.GetActionResultAsync(
            new GetActionResultRequest { ActionDigest = Action(number).ToReapi() }, cancellationToken: Cancellation);

        for (int number = 0; number < Room; number++)
        {
            await PutAsync(number);
        }

        Assert.Equal(0, (await GetAsync(0)).ExitCode);
        await PutAsync(1);
        await PutAsync(Room);
        await PutAsync(Room + 1);

        foreach (int kept in new[] { 0, 1, 4, Room + 1 })
        {
            Assert.Equal(kept, (await GetAsync(kept)).ExitCode);
        }

        foreach (int gone in new[] { 2, 3 })
        {
            Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => GetAsync(gone))).StatusCode);
        }

        Assert.Equal(Room, System.IO.Directory.GetFiles(server.ActionCachePath).Length);
    }

    [Fact]
    public async Task The_order_of_use_outlives_a_restart_and_a_smaller_bound_is_kept_at_once()
    {
        ResultFiles first = Open(10 * Block);
        foreach (int number in Enumerable.Range(0, 4))
        {
            await first.WriteAsync(Action(number), [(byte)number], Cancellation);
            File.SetLastWriteTimeUtc(Path.Combine(_directory, Action(number).HashText), _time.GetUtcNow().UtcDateTime);
            _time.Advance(TimeSpan.FromHours(1));
        }

        Assert.Equal([0], await first.TryReadAsync(Action(0), Cancellation));
        await File.WriteAllTextAsync(Path.Combine(_directory, Action(9).HashText + ".1.tmp"), "half", Cancellation);

        ResultFiles second = Open(2 * Block);

        Assert.Equal([0], await second.TryReadAsync(Action(0), Cancellation));
        Assert.Equal([3], await second.TryReadAsync(Action(3), Cancellation));
        Assert.Equal(
            [.. new[] { Action(0).HashText, Action(3).HashText }.Order(StringComparer.Ordinal)],
            [.. System.IO.Directory.GetFiles(_directory).Select(Path.GetFileName).Order(StringComparer.Ordinal)]);
    }

    [Fact]
    public async Task A_result_that_is_larger_than_the_bound_is_refused_and_nothing_goes_for_it()
    {
        ResultFiles results = Open(2 * Block);
        await results.WriteAsync(Action(0), [1], Cancellation);

        ReprException failure = await Assert.ThrowsAsync<ReprException>(() => results.WriteAsync(Action(1), new byte[3 * Block], Cancellation));

        Assert.Equal(ReprErrorCode.Exhausted, failure.Code);
        Assert.Contains("--max-action-cache-bytes", failure.Message, StringComparison.Ordinal);
        Assert.Equal([1], await results.TryReadAsync(Action(0), Cancellation));
        Assert.Single(System.IO.Directory.GetFiles(_directory));
    }

    [Fact]
    public async Task Many_who_write_and_read_at_once_stay_within_the_bound_and_read_whole_results()
    {
        ResultFiles results = Open(20 * Block);

        await Parallel.ForAsync(0, 2000, Cancellation, async (number, cancellationToken) =>
        {
            byte[] message = BitConverter.GetBytes(number % 50);
            await results.WriteAsync(Action(number % 50), message, cancellationToken);
            byte[]? read = await results.TryReadAsync(Action(number % 50), cancellationToken);
            Assert.True(read is null || read.AsSpan().SequenceEqual(message));
        });

        string[] left = System.IO.Directory.GetFiles(_directory);
        Assert.InRange(left.Length, 1, 20);
        int readable = 0;
        for (int number = 0; number < 50; number++)
        {
            readable += await results.TryReadAsync(Action(number), Cancellation) is null ? 0 : 1;
        }

        Assert.Equal(left.Length, readable);
    }

    private static CoreDigest Action(int number) => CoreDigest.Compute(BitConverter.GetBytes(number));

    private ResultFiles Open(long maximumBytes) => ResultFiles.Open(_directory, maximumBytes, _time, NullLogger.Instance);
}
