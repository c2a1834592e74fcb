using System.ComponentModel.DataAnnotations;
using k8s;
using k8s.Exceptions;

namespace Repr.Discovery.Kubernetes;

/// <summary>Options of <see cref="KubernetesPlugin"/>.</summary>
public sealed class KubernetesOptions
{
    /// <summary>The service whose pods are workers.</summary>
    [Required]
    [RegularExpression("[a-z0-9]([-a-z0-9]*[a-z0-9])?", ErrorMessage = "is no name of a service.")]
    public string Service { get; set; } = "";

    /// <summary>Its namespace; null: that of the pod or of the kubeconfig file's context, else "default".</summary>
    [RegularExpression("[a-z0-9]([-a-z0-9]*[a-z0-9])?", ErrorMessage = "is no name of a namespace.")]
    public string? Namespace { get; set; }

    /// <summary>Name of the service's port; null: its only one.</summary>
    public string? Port { get; set; }

    /// <summary>"http" or "https".</summary>
    [RegularExpression("https?", ErrorMessage = "must be http or https.")]
    public string Scheme { get; set; } = "http";

    /// <summary>A kubeconfig file; null: the service account of the pod, or outside of a cluster what kubectl would take.</summary>
    [RegularExpression("/.+", ErrorMessage = "must be an absolute path.")]
    public string? KubeConfig { get; set; }
}

/// <summary>
/// "kubernetes": the ready pods of a service, by its EndpointSlices. It needs the right to list and watch <c>endpointslices</c> of
/// <c>discovery.k8s.io</c> in that namespace. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
/// </summary>
public sealed class KubernetesPlugin : IPlugin<IWorkerDiscovery, KubernetesOptions>
{
    /// <inheritdoc/>
    public string Name => "kubernetes";

    /// <inheritdoc/>
    public IWorkerDiscovery Create(KubernetesOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        try
        {
            KubernetesClientConfiguration configuration = options.KubeConfig is null && KubernetesClientConfiguration.IsInCluster()
                ? KubernetesClientConfiguration.InClusterConfig()
                : KubernetesClientConfiguration.BuildConfigFromConfigFile(options.KubeConfig);
            return new KubernetesDiscovery(
                new k8s.Kubernetes(configuration), options.Namespace ?? configuration.Namespace ?? "default", options, context.Time);
        }
        catch (Exception exception) when (exception is KubeConfigException or IOException or UnauthorizedAccessException or YamlDotNet.Core.YamlException)
        {
            throw new ArgumentException($"KubeConfig: {exception.Message}", exception);
        }
    }
}
