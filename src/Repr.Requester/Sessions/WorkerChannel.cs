using System.IO.Compression;
using System.Net;
using Grpc.Net.Client;
using Grpc.Net.Compression;
using Repr.Requester.Security;

namespace Repr.Requester.Sessions;

/// <summary>Makes HTTP/2 channels that notice a peer that is frozen or gone.</summary>
internal static class WorkerChannel
{
    private const int WindowBytes = 4 << 20;
    private const int MaximumMessageBytes = 64 << 20;

    /// <summary>
    /// Makes a channel: cleartext HTTP/2 for http, TLS as the settings have it for https; with the credential for this address, if there
    /// is one. Connects on first use.
    /// </summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unauthenticated"/>: a file of the TLS settings cannot be used.</exception>
    public static GrpcChannel Create(Uri endpoint, RequesterOptions options)
    {
        SocketsHttpHandler sockets = new()
        {
            ConnectTimeout = options.ConnectTimeout,
            KeepAlivePingDelay = options.KeepAliveDelay,
            KeepAlivePingTimeout = options.KeepAliveTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
            InitialHttp2StreamWindowSize = WindowBytes,
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            AutomaticDecompression = DecompressionMethods.None,
            UseProxy = false,
            AllowAutoRedirect = false,
        };
        if (endpoint.Scheme == Uri.UriSchemeHttps)
        {
            sockets.SslOptions = options.Access.NewTls();
        }

        return GrpcChannel.ForAddress(endpoint, new GrpcChannelOptions
        {
            HttpHandler = options.Access.FindCredential(endpoint) is { } credential ? new CredentialHandler(credential, sockets) : sockets,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MaximumMessageBytes,
            MaxSendMessageSize = MaximumMessageBytes,
            CompressionProviders = endpoint.IsLoopback ? [] : [new GzipCompressionProvider(CompressionLevel.Fastest)],
        });
    }
}
