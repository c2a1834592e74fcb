using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Polly;
using Polly.Retry;
using Repr.Protocol;

namespace Repr.Cas.Reapi;

/// <summary>
/// The connection with one server: made at the first call, and again when it was lost. Its capabilities are asked for once. Calls are
/// repeated when that may help, with growing and random pauses. Every failure is a <see cref="ReprException"/>. Safe for concurrent use.
/// </summary>
internal sealed class ReapiConnection : IDisposable
{
    private const int WindowBytes = 4 << 20;
    private const int MaximumMessageBytes = 64 << 20;
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PingDelay = TimeSpan.FromSeconds(5);

    private readonly ReapiStoreOptions _options;
    private readonly GrpcChannel _channel;
    private readonly CallInvoker _invoker;
    private readonly ResiliencePipeline _retry;
    private readonly SemaphoreSlim _opening = new(1);
    private ReapiChannel? _store;

    /// <summary>Makes the connection; nothing is sent yet.</summary>
    /// <exception cref="ArgumentException">A certificate can't be read; the message names the setting.</exception>
    public ReapiConnection(ReapiStoreOptions options, PluginContext context)
    {
        _options = options;
        Compresses = options.Compression == ReapiCompression.Always
            || (options.Compression == ReapiCompression.Auto && !options.Address.IsLoopback);
        _channel = GrpcChannel.ForAddress(options.Address, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectTimeout = ConnectTimeout,
                KeepAlivePingDelay = PingDelay,
                KeepAlivePingTimeout = PingDelay,
                KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
                InitialHttp2StreamWindowSize = WindowBytes,
                EnableMultipleHttp2Connections = true,
                AutomaticDecompression = DecompressionMethods.None,
                UseProxy = false,
                SslOptions = ReadCertificates(options),
            },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MaximumMessageBytes,
            MaxSendMessageSize = MaximumMessageBytes,
        });
        _invoker = options.Headers.Count == 0 ? _channel.CreateCallInvoker() : _channel.Intercept(AddHeaders);
        _retry = new ResiliencePipelineBuilder { TimeProvider = context.Time }
            .AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = Math.Max(1, options.Retries),
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = TimeSpan.FromMilliseconds(100),
                MaxDelay = TimeSpan.FromSeconds(2),
                ShouldHandle = arguments => ValueTask.FromResult(
                    options.Retries > 0
                    && arguments.Outcome.Exception is RpcException { StatusCode: StatusCode.Unavailable or StatusCode.Aborted or StatusCode.Internal }),
            })
            .Build();
    }

    /// <summary>Whether content is sent, and asked for, compressed where the server can.</summary>
    public bool Compresses { get; }

    /// <summary>Batches under way at the same time.</summary>
    public int ParallelCalls => _options.ParallelCalls;

    /// <summary>When a question or a batch that is asked now is given up.</summary>
    public DateTime Deadline => DateTime.UtcNow.AddSeconds(_options.TimeoutSeconds);

    /// <summary>The store, as its capabilities describe it.</summary>
    /// <exception cref="ReprException">It does not answer, or has no SHA-256.</exception>
    public async ValueTask<ReapiChannel> GetStoreAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _store) is { } known)
        {
            return known;
        }

        await _opening.WaitAsync(cancellationToken);
        try
        {
            return _store ??= await RetryAsync(
                async token =>
                {
                    using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(token);
                    limit.CancelAfter(TimeSpan.FromSeconds(_options.TimeoutSeconds));
                    return await ReapiChannel.OpenAsync(_invoker, _options.InstanceName, limit.Token);
                },
                cancellationToken);
        }
        finally
        {
            _opening.Release();
        }
    }

    /// <summary>Makes a call that may be repeated.</summary>
    public async Task<T> RetryAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await _retry.ExecuteAsync(async token => await call(token), cancellationToken);
        }
        catch (RpcException failure)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Translate(failure);
        }
    }

    /// <summary>The failure of a call in our words.</summary>
    public ReprException Translate(RpcException failure) => Translate(failure.StatusCode, Describe(failure), failure);

    /// <summary>The failure of a call, or of one blob of a batch, in our words.</summary>
    public ReprException Translate(StatusCode status, string detail, Exception? failure) => status switch
    {
        StatusCode.ResourceExhausted => new ReprException(ReprErrorCode.Exhausted, $"{_options.Endpoint} has no space: {detail}.", failure),
        StatusCode.Unauthenticated or StatusCode.PermissionDenied => new ReprException(
            ReprErrorCode.Unavailable, $"{_options.Endpoint} refuses this side ({status}: {detail}); check Headers and ClientCertificate.", failure),
        StatusCode.InvalidArgument => new ReprException(ReprErrorCode.Corrupt, $"{_options.Endpoint} refuses the content: {detail}.", failure),
        _ => new ReprException(ReprErrorCode.Unavailable, $"{_options.Endpoint}: {detail} ({status}).", failure),
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        _channel.Dispose();
        _opening.Dispose();
    }

    private static string Describe(RpcException failure) =>
        (failure.Status.DebugException?.GetBaseException().Message ?? failure.Status.Detail).TrimEnd('.');

    private Metadata AddHeaders(Metadata headers)
    {
        foreach ((string name, string value) in _options.Headers)
        {
            headers.Add(name, value);
        }

        return headers;
    }

    private static SslClientAuthenticationOptions ReadCertificates(ReapiStoreOptions options)
    {
        SslClientAuthenticationOptions tls = new();
        try
        {
            if (options.CertificateAuthority.Length > 0)
            {
                X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
                policy.CustomTrustStore.ImportFromPemFile(options.CertificateAuthority);
                tls.CertificateChainPolicy = policy;
            }

            if (options.ClientCertificate.Length > 0)
            {
                using X509Certificate2 pem = X509Certificate2.CreateFromPemFile(
                    options.ClientCertificate, options.ClientKey.Length > 0 ? options.ClientKey : null);

                // Windows shows only keys that it has taken over.
                X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), password: null);
                tls.ClientCertificates = [certificate];
            }
        }
        catch (Exception failure) when (failure is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"CertificateAuthority, ClientCertificate, ClientKey: {failure.Message}", failure);
        }

        return tls;
    }
}
