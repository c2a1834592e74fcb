using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Repr.Cas;

/// <summary>
/// Stands before a store that may fail in any way: one on another machine, a plugin's. Every failure of the store becomes a
/// <see cref="ReprException"/>, a call that takes too long is given up, and a store that failed is left alone for a while (an open
/// circuit), so that a build does not wait for it blob by blob. Says once that the store is away, and once that it is back. What a
/// source stream throws while it is put passes through and is no failure of the store. Safe for concurrent use when the store is.
/// </summary>
/// <param name="inner">The store.</param>
/// <param name="name">What messages call it.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said.</param>
/// <param name="messages">The same store's messages; null: it has none.</param>
public sealed partial class GuardedContentStore(IContentStore inner, string name, TimeProvider time, ILogger logger, IMessageStore? messages = null)
    : IContentStore, IMessageStore
{
    /// <summary>How long a store that failed is left alone.</summary>
    public static readonly TimeSpan LeftAlone = TimeSpan.FromSeconds(15);

    /// <summary>How long a question, or the beginning of a read, may take.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan SaidAgain = TimeSpan.FromMinutes(10);

    // A put may take as long as a slow line needs.
    private const long LeastBytesPerSecond = 256 << 10;

    private readonly Lock _lock = new();
    private ReprException? _failure;
    private long _failedAt;
    private long _fullAt;

    /// <summary>Why the store is left alone; null: it is in use.</summary>
    public ReprException? Failure
    {
        get
        {
            lock (_lock)
            {
                return _failure;
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken) =>
        CallAsync(token => inner.FindMissingAsync(digests, token), Patience, source: null, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        Stream? content = await CallAsync(token => inner.OpenAsync(digest, token), Patience, source: null, cancellationToken);
        return content is null ? null : new WatchedStream(content, failure => Translate(failure));
    }

    /// <inheritdoc/>
    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(digest.IsDefault, true, nameof(digest));
        Exception? broken = null;
        await using WatchedStream source = new(
            content,
            failure =>
            {
                broken ??= failure;
                return failure;
            },
            leaveOpen: true);
        await CallAsync(
            async token =>
            {
                await inner.PutAsync(digest, source, token);
                return true;
            },
            Patience + TimeSpan.FromSeconds(Math.Min(digest.SizeBytes / LeastBytesPerSecond, (long)TimeSpan.FromDays(1).TotalSeconds)),
            () => broken,
            cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>A store without messages has none.</remarks>
    public ValueTask<ReadOnlyMemory<byte>?> FindMessageAsync(Digest name, CancellationToken cancellationToken) => messages is null
        ? ValueTask.FromResult<ReadOnlyMemory<byte>?>(null)
        : CallAsync(token => messages.FindMessageAsync(name, token), Patience, source: null, cancellationToken);

    /// <inheritdoc/>
    /// <remarks>A store without messages drops it.</remarks>
    public async ValueTask PutMessageAsync(Digest name, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (messages is not null)
        {
            await CallAsync(
                async token =>
                {
                    await messages.PutMessageAsync(name, message, token);
                    return true;
                },
                Patience,
                source: null,
                cancellationToken);
        }
    }

    private async ValueTask<T> CallAsync<T>(
        Func<CancellationToken, ValueTask<T>> call, TimeSpan patience, Func<Exception?>? source, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_failure is not null)
            {
                if (time.GetElapsedTime(_failedAt) < LeftAlone)
                {
                    throw new ReprException(ReprErrorCode.Unavailable, $"The store '{name}' is left alone for a while: {_failure.Message}", _failure);
                }

                // This call tries it; the others do not wait with it.
                _failedAt = time.GetTimestamp();
            }
        }

        using CancellationTokenSource late = new(patience, time);
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            // A call that does not heed its token is left behind.
            T result = await call(linked.Token).AsTask().WaitAsync(linked.Token);
            Answered();
            return result;
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception failure)
        {
            if (source?.Invoke() is { } broken)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(broken);
            }

            if (failure is ReprException { Code: ReprErrorCode.Exhausted } full)
            {
                NoteFull(full); // it can still be read
                throw;
            }

            if (failure is ArgumentException or ReprException { Code: ReprErrorCode.Corrupt })
            {
                throw; // the caller's, or of one blob
            }

            throw Translate(
                late.IsCancellationRequested
                    ? new TimeoutException(string.Create(CultureInfo.InvariantCulture, $"no answer within {patience.TotalSeconds:0} s"))
                    : failure);
        }
    }

    private Exception Translate(Exception failure)
    {
        if (failure is ReprException { Code: ReprErrorCode.Corrupt })
        {
            return failure;
        }

        ReprException translated = failure as ReprException
            ?? new ReprException(ReprErrorCode.Unavailable, $"The store '{name}' failed: {failure.GetBaseException().Message.TrimEnd('.')}.", failure);
        bool isFirst;
        lock (_lock)
        {
            isFirst = _failure is null;
            _failure = translated;
            _failedAt = time.GetTimestamp();
        }

        if (isFirst)
        {
            Log.Away(logger, name, translated.Message, (int)LeftAlone.TotalSeconds);
        }

        return translated;
    }

    private void NoteFull(ReprException full)
    {
        lock (_lock)
        {
            if (_fullAt != 0 && time.GetElapsedTime(_fullAt) < SaidAgain)
            {
                return;
            }

            _fullAt = time.GetTimestamp();
        }

        Log.Full(logger, name, full.Message);
    }

    private void Answered()
    {
        lock (_lock)
        {
            if (_failure is null)
            {
                return;
            }

            _failure = null;
        }

        Log.Back(logger, name);
    }

    // Tells about every failure of the stream that it passes on. Read-only and forward-only.
    private sealed class WatchedStream(Stream inner, Func<Exception, Exception> failed, bool leaveOpen = false) : Stream
    {
        private bool _isClosed;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => inner.Length;

        public override long Position
        {
            get => inner.Position;
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await inner.ReadAsync(buffer, cancellationToken);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested && failed(failure) is { } translated)
            {
                if (translated == failure)
                {
                    throw;
                }

                throw translated;
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Only asynchronous reads.");

        public override void Flush()
        {
            // Nothing is written through this stream.
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override async ValueTask DisposeAsync()
        {
            if (MustClose())
            {
                try
                {
                    await inner.DisposeAsync();
                }
                catch (Exception failure)
                {
                    _ = failed(failure); // what was read is good all the same
                }
            }

            await base.DisposeAsync();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && MustClose())
            {
                try
                {
                    inner.Dispose();
                }
                catch (Exception failure)
                {
                    _ = failed(failure);
                }
            }

            base.Dispose(disposing);
        }

        // Once: Stream.DisposeAsync calls Dispose, too.
        private bool MustClose() => !leaveOpen && !Interlocked.Exchange(ref _isClosed, true);
    }

    private static partial class Log
    {
        [LoggerMessage(
            Level = LogLevel.Warning,
            Message = "REPR1203: The content store '{Name}' can't be used: {Reason} Going on without it; it is tried again after {Seconds} s.")]
        public static partial void Away(ILogger logger, string name, string reason, int seconds);

        [LoggerMessage(Level = LogLevel.Warning, Message = "REPR1203: The content store '{Name}' did not take a blob: {Reason}")]
        public static partial void Full(ILogger logger, string name, string reason);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The content store '{Name}' answers again.")]
        public static partial void Back(ILogger logger, string name);
    }
}
