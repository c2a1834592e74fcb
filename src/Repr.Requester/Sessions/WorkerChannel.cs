using System.Net;
using Grpc.Net.Client;

namespace Repr.Requester.Sessions;

/// <summary>Makes HTTP/2 channels that notice a peer that is frozen or gone.</summary>
internal static class WorkerChannel
{
    private const int WindowBytes = 4 << 20;
    private const int MaximumMessageBytes = 64 << 20;

    /// <summary>Makes a channel: cleartext HTTP/2 for http, TLS with the system's certificates for https. Connects on first use.</summary>
    public static GrpcChannel Create(Uri endpoint, RequesterOptions options) => GrpcChannel.ForAddress(endpoint, new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
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
        },
        DisposeHttpClient = true,
        MaxReceiveMessageSize = MaximumMessageBytes,
        MaxSendMessageSize = MaximumMessageBytes,
    });
}
