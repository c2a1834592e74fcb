using System.Runtime.CompilerServices;
using k8s;
using k8s.Models;

namespace Repr.Discovery.Kubernetes;

/// <summary>
/// Lists the EndpointSlices of a service and then watches them from that version on; when a watch ends, whatever the reason, it begins anew.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
/// </summary>
internal sealed class KubernetesDiscovery(k8s.Kubernetes client, string @namespace, KubernetesOptions options, TimeProvider time)
    : IWorkerDiscovery, IDisposable
{
    private const int WatchSeconds = 300;

    // The server ends a watch after its time; one that goes on was cut off without a word.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(WatchSeconds + 30);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly string _selector = "kubernetes.io/service-name=" + options.Service;

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyCollection<Uri>> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        HashSet<Uri>? before = null;
        while (true)
        {
            V1EndpointSliceList list = await client.DiscoveryV1.ListNamespacedEndpointSliceAsync(
                @namespace, labelSelector: _selector, cancellationToken: cancellationToken);
            Dictionary<string, V1EndpointSlice> slices = list.Items.ToDictionary(static slice => slice.Metadata.Name);
            if (Changed(slices, ref before) is { } found)
            {
                yield return found;
            }

            // Also after an error event, such as "410 Gone": the client tells it aside, and goes on to read.
            using CancellationTokenSource over = new(Silence, time);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, cancellationToken);
            await using IAsyncEnumerator<(WatchEventType Type, V1EndpointSlice Slice)> events = client.DiscoveryV1
                .WatchListNamespacedEndpointSliceAsync(
                    @namespace,
                    labelSelector: _selector,
                    resourceVersion: list.Metadata.ResourceVersion,
                    timeoutSeconds: WatchSeconds,
                    onError: _ => over.Cancel(),
                    cancellationToken: either.Token)
                .GetAsyncEnumerator(either.Token);
            while (await TryMoveAsync(events, cancellationToken))
            {
                (WatchEventType type, V1EndpointSlice slice) = events.Current;
                if (type is WatchEventType.Added or WatchEventType.Modified)
                {
                    slices[slice.Metadata.Name] = slice;
                }
                else if (type == WatchEventType.Deleted)
                {
                    slices.Remove(slice.Metadata.Name);
                }

                if (Changed(slices, ref before) is { } changed)
                {
                    yield return changed;
                }
            }

            await Task.Delay(Pause, time, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => client.Dispose();

    // False at the end of the watch: the list that follows says what is wrong, if something is.
    private static async Task<bool> TryMoveAsync(IAsyncEnumerator<(WatchEventType Type, V1EndpointSlice Slice)> events, CancellationToken cancellationToken)
    {
        try
        {
            return await events.MoveNextAsync();
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested
            && exception is IOException or HttpRequestException or OperationCanceledException or KubernetesException or System.Text.Json.JsonException or k8s.Autorest.HttpOperationException)
        {
            return false;
        }
    }

    private HashSet<Uri>? Changed(Dictionary<string, V1EndpointSlice> slices, ref HashSet<Uri>? before)
    {
        HashSet<Uri> found = [.. slices.Values.SelectMany(AddressesOf)];
        if (before is not null && before.SetEquals(found))
        {
            return null;
        }

        before = found;
        return found;
    }

    private IEnumerable<Uri> AddressesOf(V1EndpointSlice slice)
    {
        int? port = slice.Ports?.Where(port => options.Port is null || port.Name == options.Port).Select(static port => port.Port).FirstOrDefault();
        if (port is not { } number || slice.AddressType is not ("IPv4" or "IPv6"))
        {
            return [];
        }

        // "nil should be interpreted as true", says the API of readiness.
        return (slice.Endpoints ?? [])
            .Where(static endpoint => endpoint.Conditions?.Ready ?? true)
            .SelectMany(static endpoint => endpoint.Addresses)
            .Select(address => new UriBuilder(options.Scheme, address, number).Uri);
    }
}
