using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Repr.Protocol.Reapi;
using CoreDigest = Repr.Digest;
using Directory = System.IO.Directory;

namespace Repr.SharedStores.Tests;

/// <summary>How the reapi plugin proves who it is, and to whom it talks: TLS with certificates of the test's own, and headers.</summary>
public sealed class ReapiConnectionTests : IAsyncLifetime
{
    private const string Token = "Bearer open sesame";

    private readonly string _directory = Directory.CreateTempSubdirectory("repr-tls-").FullName;
    private WebApplication? _server;
    private static int _unavailable;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private Dictionary<string, object> Options => new()
    {
        ["Endpoint"] = _server!.Urls.Single().Replace("https://", "grpcs://", StringComparison.Ordinal),
        ["InstanceName"] = "main",
        ["Headers"] = new Dictionary<string, string> { ["authorization"] = Token },
        ["CertificateAuthority"] = Path.Combine(_directory, "ca.pem"),
        ["ClientCertificate"] = Path.Combine(_directory, "client.pem"),
        ["ClientKey"] = Path.Combine(_directory, "client.key"),
        ["TimeoutSeconds"] = 10,
    };

    public async ValueTask InitializeAsync()
    {
        using X509Certificate2 authority = Issue("CN=Repr test authority", null, "ca");
        using X509Certificate2 _ = Issue("CN=requester", authority, "client");
        using X509Certificate2 issued = Issue("CN=localhost", authority, "server");
        X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(issued.Export(X509ContentType.Pkcs12), null);
        X509Certificate2 root = X509CertificateLoader.LoadCertificate(authority.RawData);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(https =>
            {
                https.ServerCertificate = certificate;
                https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
                https.ClientCertificateValidation = (client, _, _) =>
                {
                    using X509Chain chain = new();
                    chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
                    chain.ChainPolicy.CustomTrustStore.Add(root);
                    chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
                    return chain.Build(client);
                };
            });
        }));
        builder.Services.AddGrpc(grpc => grpc.Interceptors.Add<Gate>());
        _server = builder.Build();
        _server.MapGrpcService<CapabilitiesService>();
        _server.MapGrpcService<StoreService>();
        await _server.StartAsync(Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task With_certificates_headers_and_the_instances_name_it_is_let_in()
    {
        await using LoadedStore loaded = LoadedStore.Load("reapi", Options);

        Assert.Equal([CoreDigest.Compute([1])], await loaded.Store.FindMissingAsync([CoreDigest.Compute([1])], Cancellation));
    }

    [Theory]
    [InlineData("Headers", "check Headers and ClientCertificate")]
    [InlineData("InstanceName", "no such instance")]
    [InlineData("ClientCertificate", "")]
    [InlineData("CertificateAuthority", "certificate")]
    public async Task Without_one_of_them_it_is_not_and_says_so(string option, string message)
    {
        Dictionary<string, object> options = Options;
        options.Remove(option);
        if (option == "ClientCertificate")
        {
            options.Remove("ClientKey");
        }

        await using LoadedStore loaded = LoadedStore.Load("reapi", options);

        ReprException failure = await Assert.ThrowsAsync<ReprException>(
            () => loaded.Store.FindMissingAsync([CoreDigest.Compute([1])], Cancellation).AsTask());
        Assert.Equal(ReprErrorCode.Unavailable, failure.Code);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_busy_for_a_moment_is_asked_again()
    {
        await using LoadedStore loaded = LoadedStore.Load("reapi", Options);
        await loaded.Store.FindMissingAsync([], Cancellation);
        Volatile.Write(ref _unavailable, 2);

        Assert.Single(await loaded.Store.FindMissingAsync([CoreDigest.Compute([1])], Cancellation));

        Assert.Equal(0, Volatile.Read(ref _unavailable));
    }

    [Theory]
    [InlineData("Endpoint", "host:80", "Endpoint: is no address like grpc://host:port")]
    [InlineData("Endpoint", "grpc://host:80", "certificates need TLS")]
    [InlineData("InstanceName", "/main", "InstanceName: neither begins nor ends")]
    [InlineData("Compression", "Sometimes", "Compression: is no one of Auto, Always, Never")]
    public void Wrong_options_are_named(string name, string value, string message)
    {
        Dictionary<string, object> options = Options;
        options[name] = value;

        Assert.Contains(message, Assert.Throws<ArgumentException>(() => LoadedStore.Load("reapi", options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_certificate_that_is_not_there_is_named()
    {
        Dictionary<string, object> options = Options;
        options["CertificateAuthority"] = "/nowhere/ca.pem";

        Assert.Contains("/nowhere/ca.pem", Assert.Throws<ArgumentException>(() => LoadedStore.Load("reapi", options)).Message, StringComparison.Ordinal);
    }

    private X509Certificate2 Issue(string subject, X509Certificate2? issuer, string file)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(issuer is null, false, 0, critical: true));
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2? signed = issuer is null
            ? null
            : request.Create(issuer, now.AddHours(-1), now.AddHours(1), Guid.NewGuid().ToByteArray());
        X509Certificate2 certificate = signed?.CopyWithPrivateKey(key) ?? request.CreateSelfSigned(now.AddHours(-2), now.AddHours(2));
        File.WriteAllText(Path.Combine(_directory, file + ".pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_directory, file + ".key"), key.ExportPkcs8PrivateKeyPem());
        return certificate;
    }

    private sealed class Gate : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
            context.RequestHeaders.GetValue("authorization") == Token
                ? continuation(request, context)
                : throw new RpcException(new Grpc.Core.Status(StatusCode.Unauthenticated, "say the words"));
    }

    private sealed class CapabilitiesService : Capabilities.CapabilitiesBase
    {
        public override Task<ServerCapabilities> GetCapabilities(GetCapabilitiesRequest request, ServerCallContext context) =>
            request.InstanceName == "main"
                ? Task.FromResult(new ServerCapabilities { CacheCapabilities = new CacheCapabilities { DigestFunctions = { DigestFunction.Types.Value.Sha256 } } })
                : throw new RpcException(new Grpc.Core.Status(StatusCode.NotFound, "no such instance"));
    }

    private sealed class StoreService : ContentAddressableStorage.ContentAddressableStorageBase
    {
        public override Task<FindMissingBlobsResponse> FindMissingBlobs(FindMissingBlobsRequest request, ServerCallContext context)
        {
            if (request.InstanceName != "main" || (Volatile.Read(ref _unavailable) > 0 && Interlocked.Decrement(ref _unavailable) >= 0))
            {
                throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "busy"));
            }

            FindMissingBlobsResponse response = new();
            response.MissingBlobDigests.AddRange(request.BlobDigests);
            return Task.FromResult(response);
        }
    }
}
