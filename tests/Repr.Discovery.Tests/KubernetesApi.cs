using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Repr.Discovery.Tests;

/// <summary>
/// The part of a Kubernetes API server that lists and watches EndpointSlices, on a real socket: versions, label selectors, watches as lines of
/// JSON, "410 Gone" for a version that it has forgotten.
/// https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/
/// </summary>
internal sealed class KubernetesApi : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, object> _slices = [];
    private readonly List<(int Version, string Line)> _events = [];
    private readonly HashSet<Channel<string>> _watches = [];
    private int _version = 100;
    private int _forgotten;
    private bool _forgets;

    private KubernetesApi(WebApplication application) => _application = application;

    /// <summary>What was asked: "list" or "watch" with the version.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Watches that were told "410 Gone".</summary>
    public int Refused { get; private set; }

    /// <summary>Answers everything with 503.</summary>
    public bool IsAway { get; set; }

    public static async Task<KubernetesApi> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        KubernetesApi api = new(builder.Build());
        api._application.MapGet("/apis/discovery.k8s.io/v1/namespaces/{space}/endpointslices", api.AnswerAsync);
        await api._application.StartAsync();
        return api;
    }

    /// <summary>Writes a kubeconfig file for it.</summary>
    public string WriteConfig(string path)
    {
        string address = _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        File.WriteAllText(path, $$"""
            apiVersion: v1
            kind: Config
            current-context: test
            clusters: [ { name: test, cluster: { server: "{{address}}" } } ]
            users: [ { name: test, user: { token: "t0ken" } } ]
            contexts: [ { name: test, context: { cluster: test, user: test, namespace: farm } } ]
            """);
        return path;
    }

    /// <summary>Puts a slice of the service "workers"; an address that begins with '!' is not ready.</summary>
    public void Put(string name, string type, int port, params string[] addresses)
    {
        lock (_lock)
        {
            string kind = _slices.ContainsKey(name) ? "MODIFIED" : "ADDED";
            _slices[name] = new
            {
                kind = "EndpointSlice",
                apiVersion = "discovery.k8s.io/v1",
                metadata = new
                {
                    name,
                    @namespace = "farm",
                    resourceVersion = Version(++_version),
                    labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = "workers" },
                },
                addressType = type,
                ports = new object[] { new { name = "metrics", port = 9464, protocol = "TCP" }, new { name = "repr", port, protocol = "TCP" } },
                endpoints = addresses.Select(address => new
                {
                    addresses = new[] { address.TrimStart('!') },
                    conditions = new { ready = address[0] != '!' },
                }),
            };
            Tell(kind, _slices[name]);
        }
    }

    /// <summary>Deletes a slice.</summary>
    public void Delete(string name)
    {
        lock (_lock)
        {
            object slice = _slices[name];
            _slices.Remove(name);
            ++_version;
            Tell("DELETED", slice);
        }
    }

    /// <summary>Ends all watches; who asks next gets a list whose version is forgotten at once, so that a watch from it on is told "410 Gone".</summary>
    public void Forget()
    {
        lock (_lock)
        {
            _forgets = true;
            CloseWatches();
        }
    }

    /// <summary>Cuts all watches.</summary>
    public void CloseWatches()
    {
        lock (_lock)
        {
            foreach (Channel<string> watch in _watches)
            {
                watch.Writer.TryComplete();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        CloseWatches();
        using CancellationTokenSource atOnce = new();
        await atOnce.CancelAsync();
        await _application.StopAsync(atOnce.Token);
        await _application.DisposeAsync();
    }

    private static string Version(int version) => version.ToString(CultureInfo.InvariantCulture);

    private void Tell(string type, object slice)
    {
        string line = JsonSerializer.Serialize(new { type, @object = slice });
        _events.Add((_version, line));
        foreach (Channel<string> watch in _watches)
        {
            watch.Writer.TryWrite(line);
        }
    }

    private async Task AnswerAsync(HttpContext context)
    {
        Assert.Equal("farm", context.GetRouteValue("space"));
        Assert.Equal("kubernetes.io/service-name=workers", context.Request.Query["labelSelector"]);
        Assert.Equal("Bearer t0ken", context.Request.Headers.Authorization);
        if (IsAway)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        if (context.Request.Query["watch"] != "true")
        {
            string list;
            lock (_lock)
            {
                Requests.Enqueue("list");
                list = JsonSerializer.Serialize(new
                {
                    kind = "EndpointSliceList",
                    apiVersion = "discovery.k8s.io/v1",
                    metadata = new { resourceVersion = Version(_version) },
                    items = _slices.Values,
                });
                if (_forgets)
                {
                    _forgets = false;
                    _forgotten = ++_version;
                }
            }

            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(list);
            return;
        }

        int from = int.Parse(context.Request.Query["resourceVersion"]!, CultureInfo.InvariantCulture);
        Channel<string> watch = Channel.CreateUnbounded<string>();
        lock (_lock)
        {
            Requests.Enqueue($"watch {from}");
            if (from < _forgotten)
            {
                Refused++;
                watch.Writer.TryWrite(JsonSerializer.Serialize(new
                {
                    type = "ERROR",
                    @object = new
                    {
                        kind = "Status",
                        apiVersion = "v1",
                        status = "Failure",
                        message = $"too old resource version: {from} ({_version})",
                        reason = "Expired",
                        code = 410,
                    },
                }));
            }
            else
            {
                _events.Where(change => change.Version > from).ToList().ForEach(change => watch.Writer.TryWrite(change.Line));
            }

            // Who is refused is not cut off: it has to end the watch by itself.
            _watches.Add(watch);
            if (_forgets)
            {
                watch.Writer.Complete(); // it was on its way when all were to be cut
            }
        }

        context.Response.ContentType = "application/json;stream=watch";
        await context.Response.StartAsync();
        await foreach (string line in watch.Reader.ReadAllAsync(context.RequestAborted))
        {
            await context.Response.WriteAsync(line + "\n");
            await context.Response.Body.FlushAsync();
        }
    }
}
