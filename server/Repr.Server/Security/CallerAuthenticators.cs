using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.DependencyInjection;
using Repr.Plugins;

namespace Repr.Server.Security;

/// <summary>The authenticators of a worker, in the order of the settings. Disposes them.</summary>
/// <param name="All">None: everybody may do everything.</param>
internal sealed record CallerAuthenticators(IReadOnlyList<IAuthenticator> All) : IAsyncDisposable
{
    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (IAuthenticator authenticator in All)
        {
            await PluginServices.DisposeAsync(authenticator);
        }
    }
}

/// <summary>Registers who may do what.</summary>
internal static class CallerServices
{
    /// <summary>Registers authentication by these authenticators, and the <see cref="Policies"/>.</summary>
    public static IServiceCollection AddCallers(this IServiceCollection services, CallerAuthenticators authenticators)
    {
        services.AddSingleton(authenticators);
        services.AddAuthentication(CallerHandler.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, CallerHandler>(CallerHandler.SchemeName, static _ => { });
        services.AddAuthorization(Policies.Add);
        return services;
    }
}
