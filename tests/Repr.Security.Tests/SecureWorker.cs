using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Repr.Testing;

namespace Repr.Security.Tests;

/// <summary>How a worker answered a call.</summary>
/// <param name="Status">gRPC's status code.</param>
/// <param name="Message">Its message.</param>
/// <param name="Content">The first message of the answer; empty: none.</param>
internal sealed record Answer(int Status, string Message, byte[] Content)
{
    public const int PermissionDenied = 7;
    public const int Unimplemented = 12;
    public const int Unauthenticated = 16;

    /// <summary>Whether the caller was let in, whatever came of the call.</summary>
    public bool IsLetIn => Status is not (PermissionDenied or Unauthenticated);
}

/// <summary>A worker with TLS as a process of its own, started by <c>repr serve --config</c>, and calls to it.</summary>
internal sealed class SecureWorker : IAsyncDisposable
{
    /// <summary>A call that whoever may do anything may make.</summary>
    public const string Introduction = "build.bazel.remote.execution.v2.Capabilities/GetCapabilities";

    private readonly Process _process;
    private readonly string _log;

    private SecureWorker(Process process, string log, string address, TestAuthority authority)
    {
        _process = process;
        _log = log;
        Address = address;
        Authority = authority;
    }

    /// <summary>Where it listens, as in "https://127.0.0.1:1234".</summary>
    public string Address { get; }

    /// <summary>Who issued its certificate.</summary>
    public TestAuthority Authority { get; }

    /// <summary>What it has written.</summary>
    public string Log => Read(_log);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The certificate that a worker in this directory shows, as section Tls.</summary>
    public static object Tls(TestAuthority authority)
    {
        (string certificate, string key) = authority.IssueServer("server");
        return new { CertificateFile = certificate, KeyFile = key };
    }

    /// <summary>Starts a worker.</summary>
    /// <param name="directory">Where its files lie.</param>
    /// <param name="authority">Who has issued the certificate of the settings.</param>
    /// <param name="settings">Its settings.</param>
    /// <param name="listen">Its address.</param>
    public static async Task<SecureWorker> StartAsync(
        string directory, TestAuthority authority, object settings, string listen = "https://127.0.0.1:0")
    {
        string portFile = Path.Combine(directory, "port");
        string log = Path.Combine(directory, "worker.log");
        Process process = Start(directory, settings, "--listen", listen, "--port-file", portFile);
        long start = Stopwatch.GetTimestamp();
        while (!File.Exists(portFile))
        {
            Assert.False(process.HasExited, Read(log));
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromMinutes(1), Read(log));
            await Task.Delay(20, Cancellation);
        }

        return new SecureWorker(process, log, await File.ReadAllTextAsync(portFile, Cancellation), authority);
    }

    /// <summary>Starts a worker that is expected to say why it does not start.</summary>
    public static async Task<(int ExitCode, string Log)> RunAsync(string directory, object settings, params string[] arguments)
    {
        using Process process = Start(directory, settings, arguments);
        await process.WaitForExitAsync(Cancellation);
        return (process.ExitCode, await File.ReadAllTextAsync(Path.Combine(directory, "worker.log"), Cancellation));
    }

    /// <summary>Makes a call with an empty message on a connection of its own.</summary>
    /// <param name="method">As in "package.Service/Method".</param>
    /// <param name="token">The bearer token; null: none.</param>
    /// <param name="certificate">The client certificate; null: none.</param>
    public async Task<Answer> CallAsync(string method, string? token = null, (string Certificate, string Key)? certificate = null)
    {
        using SocketsHttpHandler handler = new()
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = Certificates.NewPolicy(
                    Certificates.ReadBundle(await File.ReadAllBytesAsync(Authority.CaFile, Cancellation)), "1.3.6.1.5.5.7.3.1"),
                ClientCertificateContext = certificate is var (file, key)
                    ? Certificates.ReadWithKey(await File.ReadAllBytesAsync(file, Cancellation), await File.ReadAllBytesAsync(key, Cancellation), null)
                    : null,
            },
        };
        using HttpClient client = new(handler);
        using HttpRequestMessage request = new(HttpMethod.Post, $"{Address}/{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(new byte[5]), // not compressed, no bytes
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        using HttpResponseMessage response = await client.SendAsync(request, Cancellation);
        byte[] content = await response.Content.ReadAsByteArrayAsync(Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return new Answer(
            int.Parse(Find("grpc-status") ?? "-1", CultureInfo.InvariantCulture),
            Uri.UnescapeDataString(Find("grpc-message") ?? ""),
            content.Length > 5 ? content[5..] : []);

        string? Find(string name) => response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? trailer) ? trailer.Single()
            : response.Headers.TryGetValues(name, out IEnumerable<string>? header) ? header.Single()
            : null;
    }

    /// <summary>The certificate that it shows now.</summary>
    public async Task<X509Certificate2> LookAsync()
    {
        Uri address = new(Address);
        using System.Net.Sockets.TcpClient client = new(address.Host, address.Port);
        X509Certificate2? shown = null;
        await using SslStream stream = new(client.GetStream(), false, (_, certificate, _, _) =>
        {
            shown = X509CertificateLoader.LoadCertificate(certificate!.GetRawCertData());
            return shown.Subject.Length > 0;
        });
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = address.Host, ApplicationProtocols = [SslApplicationProtocol.Http2] }, Cancellation);
        return shown!;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // In order: what a killed worker leaves behind may be written to for another moment.
        using Process kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static Process Start(string directory, object settings, params string[] arguments)
    {
        string repr = Path.Combine(Repository.Product, "repr.dll");
        string file = Path.Combine(directory, "worker.json");
        File.WriteAllText(file, JsonSerializer.Serialize(settings));
        string[] command = ["dotnet", repr, "serve", "--data", Path.Combine(directory, "data"), "--config", file, .. arguments];
        return Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >>\"$0\" 2>&1", Path.Combine(directory, "worker.log"), .. command]))!;
    }

    private static string Read(string log) => File.Exists(log) ? File.ReadAllText(log) : "";
}
