using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Repr.Security.Tests;

/// <summary>An issuer of tokens with a server that publishes its keys, by discovery too.</summary>
internal sealed class TestIssuer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private TestIssuer(WebApplication application) => _application = application;

    /// <summary>The claim iss, and its address.</summary>
    public string Name => _application.Urls.First();

    /// <summary>Where its keys are.</summary>
    public string KeysUrl => Name + "/keys";

    /// <summary>What it signs with and publishes.</summary>
    public RsaSecurityKey Key { get; set; } = NewKey("first");

    /// <summary>How often its keys were fetched.</summary>
    public int Fetches;

    public static RsaSecurityKey NewKey(string id) => new(RSA.Create(2048)) { KeyId = id };

    public static async Task<TestIssuer> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        TestIssuer issuer = new(builder.Build());
        issuer._application.MapGet("/keys", () =>
        {
            Interlocked.Increment(ref issuer.Fetches);
            return Results.Text(issuer.KeySet(), "application/json");
        });
        issuer._application.MapGet(
            "/.well-known/openid-configuration",
            () => Results.Text($$"""{"issuer":"{{issuer.Name}}","jwks_uri":"{{issuer.KeysUrl}}"}""", "application/json"));
        await issuer._application.StartAsync(TestContext.Current.CancellationToken);
        return issuer;
    }

    /// <summary>The public half of its key, as JWKS.</summary>
    public string KeySet()
    {
        RSAParameters key = Key.Rsa.ExportParameters(false);
        return $$"""{"keys":[{"kty":"RSA","use":"sig","kid":"{{Key.KeyId}}","n":"{{Base64UrlEncoder.Encode(key.Modulus)}}","e":"{{Base64UrlEncoder.Encode(key.Exponent)}}"}]}""";
    }

    /// <summary>Makes a token that is right, unless something is said.</summary>
    public string NewToken(
        Dictionary<string, object>? claims = null,
        string audience = "repr",
        TimeSpan? lifetime = null,
        SigningCredentials? signing = null,
        bool isSigned = true,
        bool expires = true)
    {
        DateTime now = DateTime.UtcNow;
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Name,
            Audience = audience,
            NotBefore = now.AddHours(-2),
            Expires = expires ? now + (lifetime ?? TimeSpan.FromMinutes(5)) : null,
            Claims = claims ?? new Dictionary<string, object> { ["sub"] = "someone", ["scope"] = "openid execute" },
            SigningCredentials = isSigned ? signing ?? new SigningCredentials(Key, SecurityAlgorithms.RsaSha256) : null,
        });
    }

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();
}
