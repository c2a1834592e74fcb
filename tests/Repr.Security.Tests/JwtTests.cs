using Microsoft.IdentityModel.Tokens;

namespace Repr.Security.Tests;

/// <summary>Tokens of an issuer that publishes its keys over HTTP, with a real worker.</summary>
public sealed class JwtTests
{
    private const string Session = "repr.v1.Sessions/Connect";

    private static readonly object[] s_grants = [new { Claim = "repository", Value = "our/*", Scopes = new[] { Scopes.CasRead } }];

    [Fact]
    public async Task Only_a_token_that_is_right_in_every_way_lets_in()
    {
        using SecureDirectory directory = new();
        await using TestIssuer issuer = await TestIssuer.StartAsync();
        await using SecureWorker worker = await StartAsync(directory, issuer, new { Issuer = issuer.Name, Audience = "repr", issuer.KeysUrl, Grants = s_grants, RefreshSeconds = 1 });

        Answer right = await worker.CallAsync(Session, issuer.NewToken());
        Assert.True(right.IsLetIn, right.Message);
        Assert.True((await worker.CallAsync(Session, issuer.NewToken(new() { ["scope"] = new[] { "execute", "x" } }))).IsLetIn);

        await RefusedAsync(issuer.NewToken(lifetime: TimeSpan.FromMinutes(-10)), "the token has expired at");
        await RefusedAsync(issuer.NewToken(audience: "other"), "the token is for 'other', not for 'repr'");
        await RefusedAsync(issuer.NewToken(expires: false), "no time of expiry");
        await RefusedAsync(issuer.NewToken(isSigned: false), "signature is not valid");
        await RefusedAsync(
            issuer.NewToken(signing: new SigningCredentials(TestIssuer.NewKey("stranger"), SecurityAlgorithms.RsaSha256)),
            "a key that its issuer does not publish");
        await RefusedAsync(
            issuer.NewToken(signing: new SigningCredentials(TestIssuer.NewKey("first"), SecurityAlgorithms.RsaSha256)),
            "signature is not valid");

        // The public key as a shared secret.
        SymmetricSecurityKey confused = new(issuer.Key.Rsa.ExportSubjectPublicKeyInfo()) { KeyId = "first" };
        await RefusedAsync(issuer.NewToken(signing: new SigningCredentials(confused, SecurityAlgorithms.HmacSha256)), "");
        string[] parts = issuer.NewToken().Split('.');
        string[] others = issuer.NewToken(new() { ["sub"] = "someone", ["scope"] = "admin" }).Split('.');
        await RefusedAsync($"{parts[0]}.{others[1]}.{parts[2]}", "signature is not valid");
        await RefusedAsync("no-jwt-at-all-but-long-enough", "the token is no JWT");

        Answer granted = await worker.CallAsync(Session, issuer.NewToken(new() { ["sub"] = "job", ["repository"] = "our/code" }));
        Assert.Equal(Answer.PermissionDenied, granted.Status);
        Assert.Contains("'job' may not call", granted.Message, StringComparison.Ordinal);
        Assert.Contains("the caller has cas-read", granted.Message, StringComparison.Ordinal);
        Answer foreign = await worker.CallAsync(Session, issuer.NewToken(new() { ["sub"] = "job", ["repository"] = "your/code" }));
        Assert.Contains("the caller has none", foreign.Message, StringComparison.Ordinal);

        async Task RefusedAsync(string token, string why)
        {
            Answer answer = await worker.CallAsync(Session, token);
            Assert.Equal(Answer.Unauthenticated, answer.Status);
            Assert.Contains(why, answer.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(token, answer.Message + worker.Log, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Keys_that_the_issuer_changes_are_fetched_and_the_ones_before_count_no_more(bool byDiscovery)
    {
        using SecureDirectory directory = new();
        await using TestIssuer issuer = await TestIssuer.StartAsync();
        object options = byDiscovery
            ? new { Issuer = issuer.Name, Audience = "repr", RefreshSeconds = 1 }
            : new { Issuer = issuer.Name, Audience = "repr", issuer.KeysUrl, RefreshSeconds = 1 };
        await using SecureWorker worker = await StartAsync(directory, issuer, options);
        string before = issuer.NewToken();
        Assert.True((await worker.CallAsync(Session, before)).IsLetIn);
        Assert.True((await worker.CallAsync(Session, before)).IsLetIn);
        Assert.Equal(1, issuer.Fetches);

        issuer.Key = TestIssuer.NewKey("second");
        string after = issuer.NewToken();
        await ScopeTests.UntilAsync(async () => (await worker.CallAsync(Session, after)).IsLetIn);

        Assert.Contains("does not publish", (await worker.CallAsync(Session, before)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_in_a_file_do_too()
    {
        using SecureDirectory directory = new();
        await using TestIssuer issuer = await TestIssuer.StartAsync();
        string file = directory.Write("keys.json", issuer.KeySet());
        await using SecureWorker worker = await StartAsync(directory, issuer, new { Issuer = issuer.Name, Audience = "repr", KeysFile = file });
        Assert.True((await worker.CallAsync(Session, issuer.NewToken())).IsLetIn);
        Assert.Equal(0, issuer.Fetches);

        issuer.Key = TestIssuer.NewKey("second");
        directory.Write("keys.json", issuer.KeySet());

        await ScopeTests.UntilAsync(async () => (await worker.CallAsync(Session, issuer.NewToken())).IsLetIn);
    }

    [Fact]
    public async Task Several_ways_to_be_known_are_asked_in_order()
    {
        using SecureDirectory directory = new();
        await using TestIssuer issuer = await TestIssuer.StartAsync();
        const string Token = "a-token-of-the-list-00000";
        string list = directory.Write("tokens", $"ci execute {Token}");
        await using SecureWorker worker = await SecureWorker.StartAsync(directory.Path, directory.Authority, new
        {
            Tls = SecureWorker.Tls(directory.Authority),
            Authentication = new object[]
            {
                new { Plugin = "mtls", Options = new { directory.Authority.CaFile, Grants = new[] { new { Name = "*", Scopes = new[] { Scopes.CasRead } } } } },
                new { Plugin = "jwt", Options = new { Issuer = issuer.Name, Audience = "repr", issuer.KeysUrl } },
                new { Plugin = "token", Options = new { File = list } },
            },
        });

        Assert.True((await worker.CallAsync(Session, Token)).IsLetIn);
        Assert.True((await worker.CallAsync(Session, issuer.NewToken())).IsLetIn);

        // The certificate decides, although the token would do.
        Assert.Equal(Answer.PermissionDenied, (await worker.CallAsync(Session, Token, directory.Authority.IssueClient("c", "CN=c"))).Status);
        Answer stranger = await worker.CallAsync(Session, "another-token-0000000000");
        Assert.Contains("the token is no JWT; the token is not in the worker's list", stranger.Message, StringComparison.Ordinal);
    }

    private static Task<SecureWorker> StartAsync(SecureDirectory directory, TestIssuer issuer, object options) => SecureWorker.StartAsync(
        directory.Path,
        directory.Authority,
        new { Tls = SecureWorker.Tls(directory.Authority), Authentication = new[] { new { Plugin = "jwt", Options = options } } });
}
