using System.Globalization;
using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;
using StackExchange.Redis.Availability;

namespace Repr.Cas.Redis;

/// <summary>
/// The connection to the servers: made when it is first needed, and again by the client when it breaks. Commands are repeated by the
/// client's own retry policy. Safe for concurrent use.
/// </summary>
internal sealed class RedisConnection : IAsyncDisposable
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxConnectTimeout = TimeSpan.FromSeconds(5);

    private readonly ConfigurationOptions _configuration;
    private readonly RetryPolicy _retries;
    private readonly Lock _gate = new();
    private Task<ConnectionMultiplexer>? _multiplexer;
    private IDatabaseAsync? _retrying;

    public RedisConnection(ConfigurationOptions configuration, RedisStoreOptions options)
    {
        Where = "Redis at " + string.Join(", ", configuration.EndPoints.Select(
            static endPoint => endPoint is DnsEndPoint name ? $"{name.Host}:{name.Port}" : endPoint.ToString()));
        configuration.Password = options.Password ?? configuration.Password;
        configuration.ClientName ??= "repr";
        configuration.AsyncTimeout = (int)options.Timeout.TotalMilliseconds;
        configuration.ConnectTimeout = (int)Math.Min(options.Timeout.TotalMilliseconds, MaxConnectTimeout.TotalMilliseconds);

        // A server that is away must cost little: commands fail at once, and the policy above them waits and tries again.
        configuration.AbortOnConnectFail = false;
        configuration.ConnectRetry = 1;
        configuration.BacklogPolicy = BacklogPolicy.FailFast;
        configuration.ReconnectRetryPolicy = new ExponentialRetry(100, 5000);
        configuration.IncludeDetailInExceptions = false;
        _configuration = configuration;
        _retries = new RetryPolicy.Builder
        {
            MaxAttempts = options.MaxRetries + 1,
            RetryDelay = RetryDelay,
            JitterMax = RetryDelay,
            MaxCommandRetryCategory = CommandFlags.CommandRetryWriteLastWins,
        }.Create();
    }

    /// <summary>What messages call the servers.</summary>
    public string Where { get; }

    /// <summary>Begins a transaction; it is not repeated by itself.</summary>
    public async ValueTask<ITransaction> TransactionAsync(CancellationToken cancellationToken) =>
        (await DatabaseAsync(cancellationToken)).CreateTransaction();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_multiplexer is { IsCompletedSuccessfully: true } multiplexer)
        {
            await (await multiplexer).DisposeAsync();
        }
    }

    /// <summary>Runs commands, and says what their failure means.</summary>
    /// <param name="what">What is tried, as in "read blob {0} from"; written out only when it fails.</param>
    /// <param name="digest">The blob; default: none.</param>
    /// <param name="run">The commands. What is cancelled is no longer waited for, but may still be carried out.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/> or <see cref="ReprErrorCode.Exhausted"/>.</exception>
    public async Task<T> RunAsync<T>(
        string what, Digest digest, Func<IDatabaseAsync, Task<T>> run, CancellationToken cancellationToken)
    {
        // What is cancelled already is not begun: an answer that is quick would hide it, and a put would go on to its end.
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            IDatabaseAsync database = _retrying ??= (await DatabaseAsync(cancellationToken)).WithRetry(_retries);
            return await run(database).WaitAsync(cancellationToken);
        }
        catch (Exception exception) when (
            exception is RedisException or RedisTimeoutException or RedisCommandException or SocketException or ObjectDisposedException)
        {
            throw Translate(string.Format(CultureInfo.InvariantCulture, what, digest.IsDefault ? "" : digest), exception);
        }
    }

    private ReprException Translate(string what, Exception exception)
    {
        RedisErrorKind kind = (exception as RedisServerException)?.Kind ?? RedisErrorKind.None;
        return kind switch
        {
            RedisErrorKind.OutOfMemory => new ReprException(
                ReprErrorCode.Exhausted,
                $"Could not {what} {Where}: it has no memory left. Give it more, or let it evict (maxmemory-policy allkeys-lru).",
                exception),
            RedisErrorKind.NoAuth or RedisErrorKind.WrongPass or RedisErrorKind.NoPermission or RedisErrorKind.NotPermitted => new ReprException(
                ReprErrorCode.Unavailable, $"Could not {what} {Where}: it refuses the user ({kind}). Check user and password.", exception),
            _ => new ReprException(
                ReprErrorCode.Unavailable, $"Could not {what} {Where}: {exception.Message.TrimEnd('.')}. Check that it runs and can be reached.", exception),
        };
    }

    private async ValueTask<IDatabase> DatabaseAsync(CancellationToken cancellationToken)
    {
        Task<ConnectionMultiplexer> connecting;
        lock (_gate)
        {
            if (_multiplexer is null or { IsFaulted: true })
            {
                _multiplexer = ConnectionMultiplexer.ConnectAsync(_configuration);
            }

            connecting = _multiplexer;
        }

        return (await connecting.WaitAsync(cancellationToken)).GetDatabase();
    }
}
