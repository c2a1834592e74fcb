using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Repr.Plugins.Testing;

namespace Repr.Cas.Tests;

public sealed class GuardedContentStoreTests : ContentStoreContract
{
    private readonly DishonestContentStore _inner = new(new MemoryContentStore(8 << 20));
    private readonly FakeTimeProvider _time = new();
    private readonly LinesLogger _log = new();
    private GuardedContentStore? _guarded;

    private GuardedContentStore Guarded => _guarded!;

    protected override ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken)
    {
        _guarded = new GuardedContentStore(_inner, "far", _time, _log);
        return ValueTask.FromResult<IContentStore>(_guarded);
    }

    [Fact]
    public async Task A_store_that_failed_is_left_alone_for_a_while_and_said_to_be_away_and_back_once()
    {
        Digest digest = Digest.Compute([1]);
        _inner.IsDown = true;
        await AssertUnavailableAsync(digest);
        int asked = _inner.Asked;

        await AssertUnavailableAsync(digest);
        await AssertUnavailableAsync(digest);

        Assert.Equal(asked, _inner.Asked);
        _time.Advance(GuardedContentStore.LeftAlone);
        await AssertUnavailableAsync(digest); // tried, and still away
        Assert.Equal(asked + 1, _inner.Asked);
        _time.Advance(GuardedContentStore.LeftAlone);
        _inner.IsDown = false;
        Assert.Equal([digest], await Store.FindMissingAsync([digest], Cancellation));
        Assert.Null(Guarded.Failure);
        Assert.Collection(
            _log.Lines,
            line => Assert.Contains("REPR1203: The content store 'far' can't be used", line, StringComparison.Ordinal),
            line => Assert.Contains("answers again", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Only_one_call_tries_a_store_that_may_be_back()
    {
        _inner.IsDown = true;
        await AssertUnavailableAsync(Digest.Compute([1]));
        _time.Advance(GuardedContentStore.LeftAlone);
        _inner.IsDown = false;
        TaskCompletionSource gate = new();
        _inner.Gate = gate.Task;

        Task<Stream?> trying = Store.OpenAsync(Digest.Compute([1]), Cancellation).AsTask();

        await AssertUnavailableAsync(Digest.Compute([2]));
        gate.SetResult();
        Assert.Null(await trying);
        Assert.Null(await Store.OpenAsync(Digest.Compute([2]), Cancellation));
    }

    [Fact]
    public async Task A_store_that_does_not_answer_is_given_up()
    {
        TaskCompletionSource never = new();
        _inner.Gate = never.Task;
        Task<Stream?> waiting = Store.OpenAsync(Digest.Compute([1]), Cancellation).AsTask();
        Assert.False(waiting.IsCompleted);

        _time.Advance(GuardedContentStore.Patience);

        ReprException failure = await Assert.ThrowsAsync<ReprException>(() => waiting);
        Assert.Equal(ReprErrorCode.Unavailable, failure.Code);
        Assert.Contains("no answer within 20 s", failure.Message, StringComparison.Ordinal);
        never.SetResult();
    }

    [Fact]
    public async Task A_store_without_space_is_still_read_and_said_to_be_full_once()
    {
        Digest digest = Digest.Compute([1]);
        await Store.PutAsync(digest, new MemoryStream([1]), Cancellation);
        for (int i = 0; i < 3; i++)
        {
            byte[] content = new byte[9 << 20];
            ReprException failure = await Assert.ThrowsAsync<ReprException>(
                () => Store.PutAsync(Digest.Compute(content), new MemoryStream(content), Cancellation).AsTask());
            Assert.Equal(ReprErrorCode.Exhausted, failure.Code);
        }

        Assert.Equal([1], await ReadAsync(digest));
        Assert.Contains("REPR1203: The content store 'far' did not take a blob", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_exception_of_a_store_is_a_failure_of_it()
    {
        GuardedContentStore guarded = new(new BrokenStore(), "broken", _time, _log);

        ReprException failure = await Assert.ThrowsAsync<ReprException>(() => guarded.FindMissingAsync([], Cancellation).AsTask());

        Assert.Equal(ReprErrorCode.Unavailable, failure.Code);
        Assert.Equal("The store 'broken' failed: boom.", failure.Message);
    }

    [Fact]
    public async Task What_a_source_throws_is_no_failure_of_the_store()
    {
        byte[] content = NewContent(1000);

        await Assert.ThrowsAsync<IOException>(() => Store.PutAsync(
            Digest.Compute(content), new TricklingStream(content, 100) { FailsAt = 500 }, Cancellation).AsTask());

        Assert.Null(Guarded.Failure);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task A_stream_that_fails_when_it_is_closed_is_closed_once_and_fails_no_read()
    {
        UnclosableStore broken = new();
        GuardedContentStore guarded = new(broken, "far", _time, _log);

        Stream content = (await guarded.OpenAsync(Digest.Compute([7]), Cancellation))!;
        int read = await content.ReadAsync(new byte[10], Cancellation);
        await content.DisposeAsync();
        await content.DisposeAsync();

        Assert.Equal(1, read);
        Assert.Equal(1, broken.Closed);
        Assert.Contains("can't be closed", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    private async Task AssertUnavailableAsync(Digest digest)
    {
        ReprException failure = await Assert.ThrowsAsync<ReprException>(() => Store.FindMissingAsync([digest], Cancellation).AsTask());
        Assert.Equal(ReprErrorCode.Unavailable, failure.Code);
    }

    private sealed class BrokenStore : IContentStore
    {
        public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("boom");

        public ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken) => throw new InvalidOperationException("boom");

        public ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken) => throw new InvalidOperationException("boom");
    }

    private sealed class UnclosableStore : IContentStore
    {
        public int Closed { get; private set; }

        public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken) => new([]);

        public ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken) => new(new Unclosable(this));

        public ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken) => default;

        private sealed class Unclosable(UnclosableStore store) : MemoryStream([7])
        {
            protected override void Dispose(bool disposing)
            {
                store.Closed++;
                base.Dispose(disposing);
                throw new InvalidOperationException("It can't be closed.");
            }
        }
    }

    private sealed class LinesLogger : ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IReadOnlyCollection<string> Lines => _lines;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue(formatter(state, exception));
    }
}
