using Xunit;

namespace Repr.Plugins.Testing;

/// <summary>
/// What every <see cref="IWorkerDiscovery"/> promises. The tests of a plugin derive from it, make the source, and change what it looks at.
/// </summary>
public abstract class WorkerDiscoveryContract : IAsyncLifetime
{
    private static readonly string[] s_two = ["http://10.0.0.1:7070", "http://10.0.0.2:7070"];
    private IWorkerDiscovery? _source;

    /// <summary>The source under test.</summary>
    protected IWorkerDiscovery Source => _source ?? throw new InvalidOperationException("Not initialised.");

    /// <summary>Ends a test that hangs.</summary>
    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Makes the source under test, so that it knows these workers and no others.</summary>
    /// <param name="addresses">As in "http://10.0.0.1:7070".</param>
    /// <param name="cancellationToken">Ends it.</param>
    protected abstract ValueTask<IWorkerDiscovery> CreateSourceAsync(IReadOnlyCollection<string> addresses, CancellationToken cancellationToken);

    /// <summary>Changes what the source looks at. It may take a moment until it knows.</summary>
    /// <param name="addresses">The workers that are there from now on; may be none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    protected abstract ValueTask ChangeAsync(IReadOnlyCollection<string> addresses, CancellationToken cancellationToken);

    /// <summary>Ends what <see cref="CreateSourceAsync"/> began.</summary>
    protected virtual ValueTask DisposeSourceAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _source = await CreateSourceAsync(s_two, Cancellation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        switch (_source)
        {
            case IAsyncDisposable asyncDisposable:
                await asyncDisposable.DisposeAsync();
                break;
            case IDisposable disposable:
                disposable.Dispose();
                break;
        }

        await DisposeSourceAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task The_first_set_has_all_that_are_there()
    {
        await using IAsyncEnumerator<IReadOnlyCollection<Uri>> sets = Source.WatchAsync(Cancellation).GetAsyncEnumerator(Cancellation);

        Assert.True(await sets.MoveNextAsync());
        Assert.Equal(s_two, Text(sets.Current));
    }

    [Fact]
    public async Task Each_set_is_a_whole_one_and_an_empty_one_says_that_nobody_is_there()
    {
        await using IAsyncEnumerator<IReadOnlyCollection<Uri>> sets = Source.WatchAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await sets.MoveNextAsync());

        foreach (string[] next in (string[][])[["http://10.0.0.2:7070", "http://10.0.0.3:7070"], [], ["http://10.0.0.4:7070"]])
        {
            await ChangeAsync(next, Cancellation);
            await ExpectAsync(sets, next);
        }
    }

    [Fact]
    public async Task Whoever_asks_later_gets_what_is_there_then()
    {
        await using IAsyncEnumerator<IReadOnlyCollection<Uri>> first = Source.WatchAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await first.MoveNextAsync());
        await ChangeAsync(["http://10.0.0.9:7070"], Cancellation);
        await ExpectAsync(first, "http://10.0.0.9:7070");

        await using IAsyncEnumerator<IReadOnlyCollection<Uri>> second = Source.WatchAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        await ExpectAsync(second, "http://10.0.0.9:7070");
    }

    [Fact]
    public async Task Cancelling_ends_a_watch_that_waits()
    {
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        await using IAsyncEnumerator<IReadOnlyCollection<Uri>> sets = Source.WatchAsync(over.Token).GetAsyncEnumerator(over.Token);
        Assert.True(await sets.MoveNextAsync());
        ValueTask<bool> next = sets.MoveNextAsync();

        await over.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await next);
    }

    // A change may come in several steps.
    private static async Task ExpectAsync(IAsyncEnumerator<IReadOnlyCollection<Uri>> sets, params string[] addresses)
    {
        do
        {
            Assert.True(await sets.MoveNextAsync(), "It has ended before the change came.");
        }
        while (!Text(sets.Current).SequenceEqual(addresses));
    }

    private static IEnumerable<string> Text(IReadOnlyCollection<Uri> addresses) =>
        addresses.Select(static address => address.GetLeftPart(UriPartial.Authority)).Order(StringComparer.Ordinal);
}
