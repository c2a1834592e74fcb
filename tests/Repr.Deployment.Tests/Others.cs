using k8s.Models;

namespace Repr.Deployment.Tests;

// Of https://keda.sh/docs/latest/reference/scaledobject-spec/ and https://prometheus-operator.dev/docs/api-reference/api/: what the chart uses.
// Fields that are not here are refused.
#pragma warning disable CA2227, CA1002

public sealed class ScaledObject
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public V1ObjectMeta Metadata { get; set; } = null!;

    public ScaledObjectSpec Spec { get; set; } = null!;
}

public sealed class ScaledObjectSpec
{
    public V2CrossVersionObjectReference ScaleTargetRef { get; set; } = null!;

    public int MinReplicaCount { get; set; }

    public int MaxReplicaCount { get; set; }

    public int CooldownPeriod { get; set; }

    public ScaledObjectAdvanced Advanced { get; set; } = null!;

    public List<ScaledObjectTrigger> Triggers { get; set; } = null!;
}

public sealed class ScaledObjectAdvanced
{
    public ScaledObjectHpa HorizontalPodAutoscalerConfig { get; set; } = null!;
}

public sealed class ScaledObjectHpa
{
    public V2HorizontalPodAutoscalerBehavior Behavior { get; set; } = null!;
}

public sealed class ScaledObjectTrigger
{
    public string Type { get; set; } = "";

    public string MetricType { get; set; } = "";

    public Dictionary<string, string> Metadata { get; set; } = null!;
}

public sealed class ServiceMonitor
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public V1ObjectMeta Metadata { get; set; } = null!;

    public ServiceMonitorSpec Spec { get; set; } = null!;
}

public sealed class ServiceMonitorSpec
{
    public V1LabelSelector Selector { get; set; } = null!;

    public List<ServiceMonitorEndpoint> Endpoints { get; set; } = null!;
}

public sealed class ServiceMonitorEndpoint
{
    public string Port { get; set; } = "";

    public string Interval { get; set; } = "";
}
