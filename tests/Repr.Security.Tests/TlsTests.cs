using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Repr.Testing;

namespace Repr.Security.Tests;

/// <summary>The certificate of a worker, and client certificates, with a real worker.</summary>
public sealed class TlsTests
{
    private static readonly object[] s_grants =
    [
        new { Name = "spiffe://farm/ci/*", Scopes = new[] { Scopes.Execute } },
        new { Name = "reader.example.com", Scopes = new[] { Scopes.CasRead } },
    ];

    [Fact]
    public async Task A_renewed_certificate_is_shown_and_one_that_cannot_be_used_is_not()
    {
        using SecureDirectory directory = new();
        await using SecureWorker worker = await SecureWorker.StartAsync(
            directory.Path, directory.Authority, new { Tls = SecureWorker.Tls(directory.Authority) });
        string first = (await worker.LookAsync()).SerialNumber;
        Assert.True((await worker.CallAsync(SecureWorker.Introduction)).IsLetIn);

        directory.Authority.IssueServer("server", "CN=renewed");
        await ScopeTests.UntilAsync(async () => (await worker.LookAsync()).SerialNumber != first);
        X509Certificate2 second = await worker.LookAsync();
        Assert.Equal("CN=renewed", second.Subject);
        Assert.Contains("CN=renewed is used from now on", worker.Log, StringComparison.Ordinal);

        string key = Path.Combine(directory.Path, "pki", "server.key");
        await File.WriteAllTextAsync(key, "nothing", TestContext.Current.CancellationToken);
        await ScopeTests.UntilAsync(async () =>
        {
            Assert.Equal(second.SerialNumber, (await worker.LookAsync()).SerialNumber);
            return worker.Log.Contains("The certificate before is used further", StringComparison.Ordinal);
        });
        Assert.True((await worker.CallAsync(SecureWorker.Introduction)).IsLetIn);
    }

    [Fact]
    public async Task A_pkcs12_file_with_a_password_does_too_and_intermediates_are_sent()
    {
        using SecureDirectory directory = new();
        using TestAuthority intermediate = directory.Authority.NewIntermediate();
        (string certificate, string key) = intermediate.IssueServer("below");
        string password = Convert.ToHexString(RandomNumberGenerator.GetBytes(8));
        using X509Certificate2 own = X509Certificate2.CreateFromPemFile(certificate, key);
        X509Certificate2Collection all = [own, X509CertificateLoader.LoadCertificateFromFile(intermediate.CaFile)];
        string pfx = Path.Combine(directory.Path, "server.pfx");
        await File.WriteAllBytesAsync(pfx, all.Export(X509ContentType.Pkcs12, password)!, TestContext.Current.CancellationToken);

        await using SecureWorker worker = await SecureWorker.StartAsync(
            directory.Path, directory.Authority, new { Tls = new { CertificateFile = pfx, Password = password } });

        Assert.True((await worker.CallAsync(SecureWorker.Introduction)).IsLetIn); // trusts the root alone
        Assert.DoesNotContain(password, worker.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Client_certificates_of_the_authority_are_known_by_their_names()
    {
        using SecureDirectory directory = new();
        using TestAuthority clients = new(Path.Combine(directory.Path, "clients"), "Clients");
        using TestAuthority others = new(Path.Combine(directory.Path, "others"), "Clients"); // of the same name
        await using SecureWorker worker = await StartAsync(directory, clients);
        (string, string) ci = clients.IssueClient("ci", "CN=whoever", names => names.AddUri(new Uri("spiffe://farm/ci/17")));
        (string, string) reader = clients.IssueClient("reader", "CN=reader.example.com");
        (string, string) unknown = clients.IssueClient("unknown", "CN=unknown", names => names.AddDnsName("reader.example.com.evil.org"));
        (string, string) old = clients.IssueClient("old", "CN=reader.example.com", until: DateTimeOffset.UtcNow.AddDays(-1));
        (string, string) foreign = others.IssueClient("ci", "CN=whoever", names => names.AddUri(new Uri("spiffe://farm/ci/17")));
        (string, string) server = clients.IssueServer("server", "CN=reader.example.com");

        Assert.True((await worker.CallAsync("repr.v1.Sessions/Connect", certificate: ci)).IsLetIn);
        Assert.True((await worker.CallAsync(SecureWorker.Introduction, certificate: reader)).IsLetIn);
        Answer notAllowed = await worker.CallAsync("repr.v1.Sessions/Connect", certificate: reader);
        Assert.Equal(Answer.PermissionDenied, notAllowed.Status);
        Assert.Contains("'reader.example.com' may not call", notAllowed.Message, StringComparison.Ordinal);
        Answer nothing = await worker.CallAsync(SecureWorker.Introduction, certificate: unknown);
        Assert.Equal(Answer.PermissionDenied, nothing.Status);
        Assert.Contains("the caller has none", nothing.Message, StringComparison.Ordinal);
        Answer expired = await worker.CallAsync(SecureWorker.Introduction, certificate: old);
        Assert.Equal(Answer.Unauthenticated, expired.Status);
        Assert.Contains("NotTimeValid", expired.Message, StringComparison.Ordinal);
        Answer stranger = await worker.CallAsync(SecureWorker.Introduction, certificate: foreign);
        Assert.Equal(Answer.Unauthenticated, stranger.Status);
        Assert.Contains("of no authority that is known here", stranger.Message, StringComparison.Ordinal);
        Assert.Equal(Answer.Unauthenticated, (await worker.CallAsync(SecureWorker.Introduction, certificate: server)).Status);
        Assert.Equal(Answer.Unauthenticated, (await worker.CallAsync(SecureWorker.Introduction)).Status);
    }

    [Fact]
    public async Task Another_authority_counts_when_its_file_is_replaced()
    {
        using SecureDirectory directory = new();
        using TestAuthority clients = new(Path.Combine(directory.Path, "clients"));
        using TestAuthority next = new(Path.Combine(directory.Path, "next"));
        await using SecureWorker worker = await StartAsync(directory, clients);
        (string, string) before = clients.IssueClient("client", "CN=reader.example.com");
        (string, string) after = next.IssueClient("client", "CN=reader.example.com");
        Assert.True((await worker.CallAsync(SecureWorker.Introduction, certificate: before)).IsLetIn);
        Assert.False((await worker.CallAsync(SecureWorker.Introduction, certificate: after)).IsLetIn);

        File.Move(next.CaFile, clients.CaFile, overwrite: true);

        await ScopeTests.UntilAsync(async () => (await worker.CallAsync(SecureWorker.Introduction, certificate: after)).IsLetIn);
        Assert.False((await worker.CallAsync(SecureWorker.Introduction, certificate: before)).IsLetIn);
    }

    [Fact]
    public async Task A_worker_that_others_can_reach_does_not_start_half_protected()
    {
        using SecureDirectory directory = new();
        object tls = SecureWorker.Tls(directory.Authority);
        object[] token = [new { Plugin = "token", Options = new { File = directory.Write("tokens", $"ci execute {new string('x', 20)}") } }];

        (int code, string log) = await SecureWorker.RunAsync(directory.Path, new { Tls = tls }, "--listen", "https://0.0.0.0:0");
        Assert.Equal(2, code);
        Assert.Contains("runs any command for anyone who connects", log, StringComparison.Ordinal);

        (code, log) = await SecureWorker.RunAsync(directory.Path, new { Authentication = token }, "--listen", "http://0.0.0.0:0");
        Assert.Equal(2, code);
        Assert.Contains("would travel unencrypted", log, StringComparison.Ordinal);

        (code, log) = await SecureWorker.RunAsync(directory.Path, new { Authentication = token }, "--listen", "https://127.0.0.1:0");
        Assert.Equal(2, code);
        Assert.Contains("needs a certificate; set Tls:CertificateFile", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_that_cannot_work_are_told_before_the_worker_starts()
    {
        using SecureDirectory directory = new();
        (string certificate, _) = directory.Authority.IssueServer("server");
        object settings = new
        {
            Tls = new { CertificateFile = certificate, KeyFile = "relative.key" },
            Authentication = new object[]
            {
                new { Plugin = "token", Options = new { } },
                new { Plugin = "mtls", Options = new { CaFile = "/ca.pem", Grants = new[] { new { Name = "", Scopes = new[] { "everything" } } } } },
                new { Plugin = "jwt", Options = new { Issuer = "http://issuer.example.com", Audience = "repr" } },
            },
        };

        (int code, string log) = await SecureWorker.RunAsync(directory.Path, settings);

        Assert.Equal(2, code);
        Assert.Contains("Tls:KeyFile: 'relative.key' is no absolute path.", log, StringComparison.Ordinal);
        Assert.Contains("Authentication:0:Options: either File or Variable is to be set.", log, StringComparison.Ordinal);
        Assert.Contains("Authentication:1:Options:Grants:0:Name: is missing.", log, StringComparison.Ordinal);
        Assert.Contains("'everything' is no scope", log, StringComparison.Ordinal);
        Assert.Contains("'http://issuer.example.com' is no https address", log, StringComparison.Ordinal);
    }

    private static Task<SecureWorker> StartAsync(SecureDirectory directory, TestAuthority clients) => SecureWorker.StartAsync(
        directory.Path,
        directory.Authority,
        new
        {
            Tls = SecureWorker.Tls(directory.Authority),
            Authentication = new[] { new { Plugin = "mtls", Options = new { clients.CaFile, Grants = s_grants } } },
        });
}
