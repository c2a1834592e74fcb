using System.Net;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Repr.Protocol.Reapi;
using Repr.Server.Security;
using Repr.Server.Services;

namespace Repr.Server.Tests.Security;

/// <summary>What a developer forgets to protect is refused to everybody, and a method by method list is complete.</summary>
public sealed class DefaultDenyTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_service_without_a_policy_is_refused_to_those_who_may_do_everything()
    {
        await using WebApplication application = Build(new Everything());
        application.MapGrpcService<Forgotten>();
        application.MapGet("/page", () => "content");
        await application.StartAsync(Cancellation);
        using GrpcChannel channel = GrpcChannel.ForAddress(application.Urls.First());
        Metadata headers = new() { { "authorization", "Bearer known" } };

        RpcException known = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Capabilities.CapabilitiesClient(channel).GetCapabilitiesAsync(new(), headers, cancellationToken: Cancellation));
        RpcException unknown = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Capabilities.CapabilitiesClient(channel).GetCapabilitiesAsync(new(), cancellationToken: Cancellation));

        Assert.Equal(StatusCode.Unimplemented, known.StatusCode);
        Assert.Contains("This worker has no '/build.bazel.", known.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(StatusCode.Unauthenticated, unknown.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, await GetAsync(application, "Bearer known"));
        Assert.Equal(HttpStatusCode.Unauthorized, await GetAsync(application, null));
    }

    [Fact]
    public async Task Without_authenticators_a_service_without_a_policy_is_refused_too()
    {
        await using WebApplication application = Build();
        application.MapGrpcService<Forgotten>();
        await application.StartAsync(Cancellation);
        using GrpcChannel channel = GrpcChannel.ForAddress(application.Urls.First());

        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Capabilities.CapabilitiesClient(channel).GetCapabilitiesAsync(new(), cancellationToken: Cancellation));

        Assert.Equal(StatusCode.Unimplemented, refused.StatusCode);
    }

    [Fact]
    public void Every_method_of_a_service_that_the_worker_overrides_has_a_policy_of_its_own()
    {
        IEnumerable<Type> services = typeof(ReapiEndpoints).Assembly.GetTypes()
            .Where(static type => !type.IsAbstract && type.GetCustomAttributes(typeof(BindServiceMethodAttribute), inherit: true).Length > 0);
        IEnumerable<string> open = services
            .SelectMany(static type => type.GetMethods())
            .Where(static method => method.DeclaringType!.Assembly == typeof(ReapiEndpoints).Assembly
                && method.GetParameters() is [.., { ParameterType: Type last }] && last == typeof(ServerCallContext))
            .Where(static method => method.GetCustomAttributes(typeof(AuthorizeAttribute), inherit: true) is not [AuthorizeAttribute { Policy: { } policy }]
                || Policies.ScopesOf(policy).Count == 0)
            .Select(static method => $"{method.DeclaringType!.Name}.{method.Name}");

        Assert.NotEmpty(services);
        Assert.Empty(open);
    }

    private static WebApplication Build(params IAuthenticator[] authenticators)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddCallers(new CallerAuthenticators(authenticators));
        WebApplication application = builder.Build();
        application.UseAuthentication();
        application.UseAuthorization();
        return application;
    }

    private static async Task<HttpStatusCode> GetAsync(WebApplication application, string? authorization)
    {
        using HttpClient client = new() { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        if (authorization is not null)
        {
            client.DefaultRequestHeaders.Add("Authorization", authorization);
        }

        using HttpResponseMessage response = await client.GetAsync(application.Urls.First() + "/page", Cancellation);
        return response.StatusCode;
    }

    private sealed class Everything : IAuthenticator
    {
        public bool UsesCertificates => false;

        public ValueTask<AuthenticationVerdict> AuthenticateAsync(PresentedCredentials presented, CancellationToken cancellationToken) =>
            ValueTask.FromResult(
                presented.Token == "known" ? AuthenticationVerdict.Accept(new Caller("known", Scopes.All)) : AuthenticationVerdict.Pass());
    }

    private sealed class Forgotten : Capabilities.CapabilitiesBase
    {
        public override Task<ServerCapabilities> GetCapabilities(GetCapabilitiesRequest request, ServerCallContext context) =>
            Task.FromResult(new ServerCapabilities());
    }
}
