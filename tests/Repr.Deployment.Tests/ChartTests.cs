using System.Globalization;
using System.Text.RegularExpressions;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using k8s;
using k8s.Models;
using Repr.Testing.Servers;

namespace Repr.Deployment.Tests;

/// <summary>The chart: that Helm takes it, that what it makes is what Kubernetes knows, and that a worker starts with the arguments in it.</summary>
public sealed partial class ChartTests
{
    private static readonly string s_chart = Path.Combine(Repository.Root, "eng/helm/repr");

    private static readonly Dictionary<string, Type> s_types = new(StringComparer.Ordinal)
    {
        ["apps/v1/StatefulSet"] = typeof(V1StatefulSet),
        ["v1/Service"] = typeof(V1Service),
        ["v1/ConfigMap"] = typeof(V1ConfigMap),
        ["policy/v1/PodDisruptionBudget"] = typeof(V1PodDisruptionBudget),
        ["networking.k8s.io/v1/NetworkPolicy"] = typeof(V1NetworkPolicy),
        ["rbac.authorization.k8s.io/v1/Role"] = typeof(V1Role),
        ["rbac.authorization.k8s.io/v1/RoleBinding"] = typeof(V1RoleBinding),
        ["autoscaling/v2/HorizontalPodAutoscaler"] = typeof(V2HorizontalPodAutoscaler),
        ["keda.sh/v1alpha1/ScaledObject"] = typeof(ScaledObject),
        ["monitoring.coreos.com/v1/ServiceMonitor"] = typeof(ServiceMonitor),
    };

    private static readonly Marshaller<byte[]> s_raw = Marshallers.Create(static bytes => bytes, static bytes => bytes);

    public static TheoryData<string> Values => [.. Directory.GetFiles(Path.Combine(Repository.Root, "eng/helm/values"), "*.yaml").Select(static file => Path.GetFileNameWithoutExtension(file)).Order()];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Values))]
    public async Task Helm_finds_nothing_wrong(string values) =>
        await Product.RunAsync(Product.Helm, ["lint", "--strict", s_chart, "--values", FileOf(values)]);

    [Theory]
    [MemberData(nameof(Values))]
    public async Task What_it_makes_is_what_Kubernetes_knows(string values)
    {
        List<object> all = await RenderAsync(values);

        V1StatefulSet workers = Assert.Single(all.OfType<V1StatefulSet>());
        V1PodSpec pod = workers.Spec.Template.Spec;
        V1Container worker = Assert.Single(pod.Containers);

        // What belongs together fits together.
        Assert.Contains(all.OfType<V1Service>(), service => service.Name() == workers.Spec.ServiceName && service.Spec.ClusterIP == "None");
        foreach (IDictionary<string, string> selector in all.OfType<V1Service>().Select(static service => service.Spec.Selector)
            .Concat(all.OfType<V1PodDisruptionBudget>().Select(static budget => budget.Spec.Selector.MatchLabels))
            .Concat(all.OfType<V1NetworkPolicy>().Select(static policy => policy.Spec.PodSelector.MatchLabels))
            .Append(workers.Spec.Selector.MatchLabels))
        {
            Assert.Equal(selector, workers.Spec.Template.Metadata.Labels.Where(label => selector.ContainsKey(label.Key)).ToDictionary());
        }

        foreach (V1ServicePort port in all.OfType<V1Service>().SelectMany(static service => service.Spec.Ports))
        {
            Assert.Contains(worker.Ports, of => of.Name == port.TargetPort.Value && of.ContainerPort == port.Port);
        }

        int[] open = [.. all.OfType<V1NetworkPolicy>().SelectMany(static policy => policy.Spec.Ingress).SelectMany(static rule => rule.Ports).Select(static port => int.Parse(port.Port.Value, CultureInfo.InvariantCulture))];
        Assert.Equal(worker.Ports.Select(static port => port.ContainerPort).Order(), open.Distinct().Order());
        Assert.All(worker.VolumeMounts, mount => Assert.True(
            pod.Volumes.Any(volume => volume.Name == mount.Name) || workers.Spec.VolumeClaimTemplates?.Any(claim => claim.Name() == mount.Name) == true, mount.Name));
        Assert.All([worker.StartupProbe, worker.LivenessProbe, worker.ReadinessProbe], probe => Assert.Contains(worker.Args, argument => argument == $"--health-listen=http://0.0.0.0:{probe.Grpc.Port}"));

        // A worker has time to let its actions end, after requesters have heard that it goes.
        int drain = int.Parse(worker.Args.Single(static argument => argument.StartsWith("--farm-drain-seconds=", StringComparison.Ordinal)).Split('=')[1], CultureInfo.InvariantCulture);
        Assert.True(pod.TerminationGracePeriodSeconds >= drain + worker.Lifecycle.PreStop.Sleep.Seconds + 10);

        // Who scales decides how many there are.
        bool isScaled = all.Any(static one => one is ScaledObject or V2HorizontalPodAutoscaler);
        Assert.Equal(isScaled, workers.Spec.Replicas is null);
        Assert.All(all.OfType<ScaledObject>(), scaled => Assert.Equal(workers.Name(), scaled.Spec.ScaleTargetRef.Name));
        Assert.All(all.OfType<V2HorizontalPodAutoscaler>(), scaled => Assert.Equal(workers.Name(), scaled.Spec.ScaleTargetRef.Name));
    }

    [Fact]
    public async Task Workers_without_privileges_have_none()
    {
        V1StatefulSet workers = (await RenderAsync("secure")).OfType<V1StatefulSet>().Single();
        V1PodSpec pod = workers.Spec.Template.Spec;
        V1SecurityContext security = pod.Containers.Single().SecurityContext;

        Assert.True(pod is { HostUsers: false, SecurityContext.RunAsNonRoot: true });
        Assert.True(security is { Privileged: null, AllowPrivilegeEscalation: false, ReadOnlyRootFilesystem: true, ProcMount: "Unmasked" });
        Assert.Equal(["ALL"], security.Capabilities.Drop);
        Assert.DoesNotContain(pod.Containers.Single().Args, static argument => argument.Contains("dangerously", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("redis.address=", "redis.address")]
    [InlineData("trustNetwork=false", "tls.existingSecret")]
    [InlineData("auth.tokensSecret=tokens", "tls.existingSecret")]
    [InlineData("sandbox.mode=none", "sandbox.mode")]
    public async Task It_says_what_is_missing(string value, string told)
    {
        (int code, _, string error) = await Product.TryRunAsync(Product.Helm, ["template", s_chart, "--values", FileOf("trusted"), "--set", value]);

        Assert.NotEqual(0, code);
        Assert.Contains("Set " + told, error.Replace(told + " is", "Set " + told, StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void Its_version_is_the_product_s()
    {
        string version = VersionElement().Match(File.ReadAllText(Path.Combine(Repository.Root, "Directory.Build.props"))).Groups[1].Value;
        string[] chart = File.ReadAllLines(Path.Combine(s_chart, "Chart.yaml"));
        Assert.Contains("version: " + version, chart);
        Assert.Contains("appVersion: " + version, chart);
    }

    [Fact]
    public async Task The_plain_manifests_are_what_it_makes() => Assert.Equal(
        await File.ReadAllTextAsync(Path.Combine(Repository.Root, "eng/kubernetes/repr.yaml"), Cancellation),
        await Product.RunAsync(Path.Combine(Repository.Root, "eng/kubernetes/render.sh"), ["-"]));

    /// <summary>Pods without Kubernetes: their arguments, settings, Secrets and environment, with other ports and a Redis of the test's own.</summary>
    [Theory]
    [InlineData("trusted")]
    [InlineData("secure")]
    public async Task A_worker_starts_as_the_chart_has_it_and_answers_probes_and_autoscalers(string values)
    {
        List<object> all = await RenderAsync(values);
        string scaling = (await RenderAsync("secure")).OfType<ScaledObject>().Single().Spec.Triggers[0].Metadata["query"];
        await using StoreServer redis = await StoreServer.StartRedisAsync(Cancellation);
        using LocalPod pod = new(all.OfType<V1StatefulSet>().Single().Spec.Template.Spec.Containers.Single(), all.OfType<V1ConfigMap>().Single(), redis);
        await using ServerProcess worker = await pod.StartAsync(Cancellation);

        using GrpcChannel channel = GrpcChannel.ForAddress($"http://127.0.0.1:{pod.PortOf(7072)}");
        Health.HealthClient health = new(channel);
        foreach (V1Probe probe in new[] { pod.Container.StartupProbe, pod.Container.LivenessProbe, pod.Container.ReadinessProbe })
        {
            HealthCheckResponse answer = await health.CheckAsync(
                new HealthCheckRequest { Service = probe.Grpc.Service ?? "" }, new CallOptions(cancellationToken: Cancellation));
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, answer.Status);
        }

        // Where nobody is asked who he is there is nothing else.
        Method<byte[], byte[]> other = new(MethodType.Unary, "build.bazel.remote.execution.v2.Capabilities", "GetCapabilities", s_raw, s_raw);
        RpcException missing = await Assert.ThrowsAsync<RpcException>(
            async () => await channel.CreateCallInvoker().AsyncUnaryCall(other, null, new CallOptions(cancellationToken: Cancellation), []));
        Assert.Equal(StatusCode.Unimplemented, missing.StatusCode);

        using HttpClient client = new();
        string metrics = "";
        while (!metrics.Contains(MetricName().Match(scaling).Value + "{", StringComparison.Ordinal)) // it has joined the farm
        {
            metrics = await client.GetStringAsync($"http://127.0.0.1:{pod.PortOf(9464)}/metrics", Cancellation);
            await Task.Delay(50, Cancellation);
        }
    }

    [Fact]
    public async Task A_field_that_Kubernetes_does_not_have_is_noticed() => await Assert.ThrowsAnyAsync<Exception>(
        () => RenderAsync("trusted", "--set", "extraEnv[0].name=A", "--set", "extraEnv[0].vallue=b"));

    private static string FileOf(string values) => Path.Combine(Repository.Root, "eng/helm/values", values + ".yaml");

    // Strict: a field that Kubernetes does not have is an error.
    private static async Task<List<object>> RenderAsync(string values, params string[] more)
    {
        string text = await Product.RunAsync(Product.Helm, ["template", "builds", s_chart, "--namespace", "builds", "--values", FileOf(values), .. more]);
        List<object> all = [];
        foreach (string document in text.Split("\n---\n", StringSplitOptions.RemoveEmptyEntries).Select(static part => part.TrimStart('-', '\n')))
        {
            KubernetesObject kind = KubernetesYaml.Deserialize<KubernetesObject>(document);
            if (kind?.Kind is null)
            {
                continue; // nothing but comments
            }

            Type type = s_types[$"{kind.ApiVersion}/{kind.Kind}"];
            all.Add(typeof(KubernetesYaml).GetMethod(nameof(KubernetesYaml.Deserialize), [typeof(string), typeof(bool)])!.MakeGenericMethod(type).Invoke(null, [document, true])!);
        }

        return all;
    }

    [GeneratedRegex("<Version>(.+)</Version>")]
    private static partial Regex VersionElement();

    [GeneratedRegex("repr_[a-z_]+")]
    private static partial Regex MetricName();
}
