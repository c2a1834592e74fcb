using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Repr.EndToEnd.Tests.Telemetry.Otlp;

namespace Repr.EndToEnd.Tests.Telemetry;

/// <summary>A span as it arrived.</summary>
internal sealed record ReceivedSpan(
    string Service, string Trace, string Id, string Parent, string Name, ulong Start, ulong End, IReadOnlyDictionary<string, string> Attributes);

/// <summary>A collector on a real socket: OTLP over gRPC and over HTTP (https://opentelemetry.io/docs/specs/otlp/).</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private const int GrpcPrefix = 5; // compressed or not, and the length

    private readonly WebApplication _application;

    private OtlpReceiver(WebApplication application) => _application = application;

    public string Address => _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    public ConcurrentQueue<ReceivedSpan> Spans { get; } = new();

    public ConcurrentDictionary<(string Service, string Metric), string> Units { get; } = new();

    public ConcurrentBag<string> Headers { get; } = [];

    public static async Task<OtlpReceiver> StartAsync(bool grpc)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = grpc ? HttpProtocols.Http2 : HttpProtocols.Http1));
        OtlpReceiver receiver = new(builder.Build());
        receiver._application.MapPost("/v1/traces", context => ReceiveAsync(context, receiver.TakeTraces));
        receiver._application.MapPost("/v1/metrics", context => ReceiveAsync(context, receiver.TakeMetrics));
        receiver._application.MapPost(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export", context => ReceiveGrpcAsync(context, receiver.TakeTraces));
        receiver._application.MapPost(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", context => ReceiveGrpcAsync(context, receiver.TakeMetrics));
        receiver._application.Use(next => context =>
        {
            receiver.Headers.Add(context.Request.Headers["x-token"].ToString());
            return next(context);
        });
        await receiver._application.StartAsync();
        return receiver;
    }

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();

    private static async Task ReceiveAsync(HttpContext context, Action<byte[]> take)
    {
        take(await ReadAsync(context.Request.Headers.ContentEncoding == "gzip"
            ? new GZipStream(context.Request.Body, CompressionMode.Decompress)
            : context.Request.Body));
        context.Response.ContentType = "application/x-protobuf";
        await context.Response.Body.WriteAsync(new ExportResponse().ToByteArray());
    }

    private static async Task ReceiveGrpcAsync(HttpContext context, Action<byte[]> take)
    {
        byte[] body = await ReadAsync(context.Request.Body);
        Assert.Equal(body.Length - GrpcPrefix, BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(1)));
        byte[] message = body[GrpcPrefix..];
        take(body[0] == 0 ? message : await ReadAsync(new GZipStream(new MemoryStream(message), CompressionMode.Decompress)));
        context.Response.ContentType = "application/grpc";
        context.Response.DeclareTrailer("grpc-status");
        await context.Response.Body.WriteAsync(new byte[GrpcPrefix]);
        context.Response.AppendTrailer("grpc-status", "0");
    }

    private static async Task<byte[]> ReadAsync(Stream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }

    private static string ServiceOf(Resource resource) => AttributesOf(resource.Attributes)["service.name"];

    private static Dictionary<string, string> AttributesOf(IEnumerable<KeyValue> attributes) => attributes.ToDictionary(
        pair => pair.Key,
        pair => pair.Value.ValueCase == AnyValue.ValueOneofCase.IntValue ? $"{pair.Value.IntValue}" : pair.Value.StringValue);

    private static string Hex(ByteString id) => Convert.ToHexStringLower(id.Span);

    private void TakeTraces(byte[] message)
    {
        foreach (ResourceSpans resource in ExportTraceServiceRequest.Parser.ParseFrom(message).ResourceSpans)
        {
            foreach (Span span in resource.ScopeSpans.SelectMany(scope => scope.Spans))
            {
                Spans.Enqueue(new ReceivedSpan(
                    ServiceOf(resource.Resource),
                    Hex(span.TraceId),
                    Hex(span.SpanId),
                    Hex(span.ParentSpanId),
                    span.Name,
                    span.StartTimeUnixNano,
                    span.EndTimeUnixNano,
                    AttributesOf(span.Attributes)));
            }
        }
    }

    private void TakeMetrics(byte[] message)
    {
        foreach (ResourceMetrics resource in ExportMetricsServiceRequest.Parser.ParseFrom(message).ResourceMetrics)
        {
            foreach (Metric metric in resource.ScopeMetrics.SelectMany(scope => scope.Metrics))
            {
                Units[(ServiceOf(resource.Resource), metric.Name)] = metric.Unit;
            }
        }
    }
}
