using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Serialization;
using Repr.Farm;
using Repr.Server.Scheduling;
using StackExchange.Redis;

namespace Repr.Server.Silo;

/// <summary>Makes the host of a silo, with the settings that were measured: a dead worker is known within about a second.</summary>
internal static class SiloHost
{
    private const string Protocol = "repr-2";

    /// <summary>Makes it; nothing is started.</summary>
    /// <exception cref="ArgumentException">The address of the store is malformed.</exception>
    public static IHost Build(FarmEngine engine, SiloDeath death)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.Replace(ServiceDescriptor.Singleton(engine.Logging)); // it is the worker's log
        builder.Services.AddSingleton(engine.Pool);
        builder.UseOrleans(silo =>
        {
            string farm = $"{Protocol}-{engine.Store.AbsolutePath.Trim('/')}".TrimEnd('-');
            silo.UseRedisClustering(redis => redis.ConfigurationOptions = ReadStore(engine));
            silo.ConfigureEndpoints(engine.Listen.Address, engine.Listen.Port == 0 ? FindPort(engine.Listen.Address) : engine.Listen.Port, gatewayPort: 0, listenOnAnyHostAddress: false);
            silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (farm, farm));
            silo.Configure<SiloOptions>(options => options.SiloName = engine.Node);
            silo.Configure<ClusterMembershipOptions>(membership =>
            {
                membership.ProbeTimeout = TimeSpan.FromSeconds(1);
                membership.NumMissedProbesLimit = 2;
                membership.NumProbedSilos = 3; // enough for two votes; each one more is a message each way, every second, to and from every worker
                membership.NumVotesForDeathDeclaration = 2;
                membership.TableRefreshTimeout = TimeSpan.FromSeconds(5);
                membership.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(10);
                membership.DefunctSiloExpiration = TimeSpan.FromMinutes(5);
            });
            // As good as never: it tells every silo the load of every other one, for placements of grains that a farm does not have. A second apart,
            // which is the default, that is most of what many idle workers do, and it grows with the square of their number.
            silo.Configure<DeploymentLoadPublisherOptions>(load => load.DeploymentLoadPublisherRefreshTime = TimeSpan.FromMinutes(10));
            silo.Configure<SiloMessagingOptions>(messaging => messaging.ResponseTimeout = TimeSpan.FromSeconds(3));
        });
        builder.Services.AddSerializer(serializer => serializer.AddJsonSerializer(static type => type.Namespace == typeof(Pool).Namespace));
        builder.Services.Replace(ServiceDescriptor.Singleton<IFatalErrorHandler>(death));
        builder.Services.Replace(ServiceDescriptor.Singleton<IHostLifetime, NoLifetime>());
        return builder.Build();
    }

    // Signals are for the worker, which lets its actions end first.
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private static ConfigurationOptions ReadStore(FarmEngine engine)
    {
        string[] user = Uri.UnescapeDataString(engine.Store.UserInfo).Split(':', 2);
        ConfigurationOptions options = new()
        {
            EndPoints = { { engine.Store.Host.Trim('[', ']'), engine.Store.Port < 0 ? 6379 : engine.Store.Port } },
            Ssl = engine.Store.Scheme == "rediss",
            User = user[0].Length > 0 ? user[0] : null,
            Password = engine.Password ?? (user.Length > 1 ? user[1] : null),
            ConnectTimeout = 2000,
            AbortOnConnectFail = true,
        };
        return options;
    }

    private static int FindPort(IPAddress address)
    {
        using TcpListener listener = new(address, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>
/// The end of a silo's life. Orleans ends the process of a silo that finds itself declared dead; a worker lives on: its actions run, and it
/// joins again. Safe for concurrent use.
/// </summary>
internal sealed class SiloDeath : IFatalErrorHandler
{
    private readonly TaskCompletionSource<string> _reason = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with why.</summary>
    public Task<string> Reason => _reason.Task;

    /// <summary>Ends it.</summary>
    public void Die(string why) => _reason.TrySetResult(why);

    /// <inheritdoc/>
    public bool IsUnexpected(Exception exception) => exception is not null;

    /// <inheritdoc/>
    public void OnFatalException(object? sender, string? context, Exception? exception) => Die(context ?? exception?.Message ?? "it failed");
}
