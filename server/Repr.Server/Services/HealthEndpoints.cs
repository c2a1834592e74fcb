using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Repr.Server.Services;

/// <summary>
/// The standard health service, https://github.com/grpc/grpc/blob/master/doc/health-checking.md: what Kubernetes, load balancers and
/// grpc_health_probe ask. Everybody may: it says SERVING or NOT_SERVING and no more.
/// </summary>
internal static class HealthEndpoints
{
    /// <summary>The service that serves as long as the process answers; the empty name, while it takes actions.</summary>
    public const string Liveness = "liveness";

    private const string Actions = "actions";

    /// <summary>Registers it.</summary>
    /// <param name="services">Where.</param>
    /// <param name="takesActions">Whether the worker takes actions now.</param>
    public static IServiceCollection AddHealth(this IServiceCollection services, Func<bool> takesActions)
    {
        services
            .AddGrpcHealthChecks(static health =>
            {
                health.Services.Map("", static check => check.Name == Actions);
                health.Services.Map(Liveness, static check => check.Name == Liveness);
            })
            .AddCheck(Liveness, static () => HealthCheckResult.Healthy())
            .AddCheck(Actions, () => takesActions() ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("It takes no actions now."));
        return services;
    }

    /// <summary>Maps it.</summary>
    public static void MapHealth(this IEndpointRouteBuilder endpoints) => endpoints.MapGrpcHealthChecksService().AllowAnonymous();

    /// <summary>Serves it alone, unencrypted: kubelets know no TLS there.</summary>
    /// <param name="address">Where, as in "http://0.0.0.0:7072".</param>
    /// <param name="takesActions">Whether the worker takes actions now.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <returns>Stops when it is disposed.</returns>
    public static async Task<IAsyncDisposable> ListenAsync(Uri address, Func<bool> takesActions, CancellationToken cancellationToken)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions()); // no file, no variable opens another address
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(
            IPAddress.Parse(address.Host.Trim('[', ']')), address.Port, static listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddHealth(takesActions);
        WebApplication application = builder.Build();
        application.MapHealth();
        await application.StartAsync(cancellationToken);
        return application;
    }
}
