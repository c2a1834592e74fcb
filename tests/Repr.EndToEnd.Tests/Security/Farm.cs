using System.Security.Cryptography;
using System.Text.Json;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;
using Repr.Testing;

namespace Repr.EndToEnd.Tests.Security;

/// <summary>The files of a shared worker and of a requester that uses it: authority, certificates, token, both settings files.</summary>
internal sealed class Farm : IDisposable
{
    private readonly string _directory;
    private readonly TestAuthority _authority;

    /// <summary>Writes the files of a worker that knows a token and certificates of its authority.</summary>
    public Farm(PackedSdk sdk)
    {
        _directory = sdk.NewDirectory();
        _authority = new TestAuthority(Path.Combine(_directory, "pki"));
        Token = Convert.ToHexString(RandomNumberGenerator.GetBytes(24));
        TokenFile = Write("token", Token + "\n");
        (string certificate, string key) = _authority.IssueServer("server");
        (ClientCertificate, ClientKey) = _authority.IssueClient("client", "CN=ci");
        SetTokenScopes("execute");
        WorkerSettings = Write("worker.json", JsonSerializer.Serialize(new
        {
            Tls = new { CertificateFile = certificate, KeyFile = key },
            Authentication = new object[]
            {
                new { Plugin = "token", Options = new { File = Path.Combine(_directory, "tokens") } },
                new { Plugin = "mtls", Options = new { _authority.CaFile, Grants = new[] { new { Name = "ci", Scopes = new[] { "execute" } } } } },
            },
        }));
    }

    /// <summary>The token, as it is in the requester's file.</summary>
    public string Token { get; }

    /// <summary>The requester's file.</summary>
    public string TokenFile { get; }

    /// <summary>The worker's settings file.</summary>
    public string WorkerSettings { get; }

    /// <summary>A certificate that the worker knows.</summary>
    public string ClientCertificate { get; }

    /// <summary>Its key.</summary>
    public string ClientKey { get; }

    /// <summary>The authority's certificate.</summary>
    public string CaFile => _authority.CaFile;

    /// <summary>What the token allows.</summary>
    public void SetTokenScopes(string scopes) => Write("tokens", $"ci {scopes} {Token}\n");

    /// <summary>Writes a requester's settings file with a token and returns its path.</summary>
    public string RequesterSettings(WorkerProcess worker, object options, string plugin = "token", string? caFile = null) => Write(
        "requester.json",
        JsonSerializer.Serialize(new
        {
            Tls = new { CaFile = caFile ?? CaFile },
            Credentials = new[] { new { Plugin = plugin, Endpoint = worker.Address, Options = options } },
        }));

    /// <summary>Writes a requester's settings file with the client certificate and returns its path.</summary>
    public string CertificateSettings() => Write(
        "requester.json",
        JsonSerializer.Serialize(new { Tls = new { CaFile, CertificateFile = ClientCertificate, KeyFile = ClientKey } }));

    /// <summary>Writes a file of this user alone and returns its path.</summary>
    public string Write(string name, string content)
    {
        string path = Path.Combine(_directory, name);
        File.WriteAllText(path + ".new", content);
        File.SetUnixFileMode(path + ".new", UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.Move(path + ".new", path, overwrite: true);
        return path;
    }

    /// <inheritdoc/>
    public void Dispose() => _authority.Dispose();
}
