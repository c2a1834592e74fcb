using System.IO.Enumeration;
using System.Security.Claims;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Repr.Security.Jwt;

/// <summary>Knows callers by tokens of one issuer. Safe for concurrent use.</summary>
/// <param name="options">Whose tokens count.</param>
/// <param name="keys">The issuer's keys, others than the given ones if there are; null: none are known.</param>
/// <param name="owned">Disposed with it.</param>
internal sealed class JwtAuthenticator(
    JwtOptions options,
    Func<IReadOnlyList<SecurityKey>?, CancellationToken, ValueTask<IReadOnlyList<SecurityKey>?>> keys,
    IDisposable? owned)
    : IAuthenticator, IDisposable
{
    // Signatures with public keys only: with others, whoever can check a token could make one (RFC 8725, 3.1).
    private static readonly string[] s_algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false };

    /// <inheritdoc/>
    public bool UsesCertificates => false;

    /// <inheritdoc/>
    public async ValueTask<AuthenticationVerdict> AuthenticateAsync(PresentedCredentials presented, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(presented);
        if (presented.Token is not { } text)
        {
            return AuthenticationVerdict.Pass();
        }

        if (!TryRead(text, out JsonWebToken? token))
        {
            return AuthenticationVerdict.Pass("the token is no JWT");
        }

        if (token!.Issuer != options.Issuer)
        {
            return AuthenticationVerdict.Pass($"the token's issuer '{token.Issuer}' is not '{options.Issuer}'");
        }

        IReadOnlyList<SecurityKey>? known = await keys(null, cancellationToken);
        TokenValidationResult result = await ValidateAsync(text, known);
        if (result.Exception is SecurityTokenSignatureKeyNotFoundException or SecurityTokenInvalidSignatureException
            && await keys(known, cancellationToken) is { } others
            && !ReferenceEquals(known, others))
        {
            known = others;
            result = await ValidateAsync(text, known);
        }

        return known is null ? AuthenticationVerdict.Refuse("the keys of the token's issuer are not known; the worker's log says why")
            : result.IsValid ? AuthenticationVerdict.Accept(ToCaller(result.ClaimsIdentity))
            : AuthenticationVerdict.Refuse(Describe(result.Exception, token));
    }

    /// <inheritdoc/>
    public void Dispose() => owned?.Dispose();

    private static bool TryRead(string text, out JsonWebToken? token)
    {
        try
        {
            token = new JsonWebToken(text);
            return true;
        }
        catch (ArgumentException) // also what says that it is malformed
        {
            token = null;
            return false;
        }
    }

    private Task<TokenValidationResult> ValidateAsync(string text, IReadOnlyList<SecurityKey>? known) =>
        _handler.ValidateTokenAsync(text, new TokenValidationParameters
        {
            ValidIssuer = options.Issuer,
            ValidAudience = options.Audience,
            ValidAlgorithms = s_algorithms,
            IssuerSigningKeys = known ?? [],
            ClockSkew = TimeSpan.FromSeconds(options.ClockSkewSeconds),
            RequireExpirationTime = true,
            RequireSignedTokens = true,
        });

    private string Describe(Exception problem, JsonWebToken token) => problem switch
    {
        SecurityTokenExpiredException => $"the token has expired at {token.ValidTo:u}",
        SecurityTokenNotYetValidException => $"the token is not valid before {token.ValidFrom:u}",
        SecurityTokenNoExpirationException => "the token has no time of expiry",
        SecurityTokenInvalidAudienceException => $"the token is for '{string.Join("', '", token.Audiences)}', not for '{options.Audience}'",
        SecurityTokenInvalidAlgorithmException => $"the token is signed by '{token.Alg}', which is not accepted",
        SecurityTokenSignatureKeyNotFoundException => "the token is signed by a key that its issuer does not publish",
        _ => "the token's signature is not valid",
    };

    private Caller ToCaller(ClaimsIdentity identity)
    {
        IEnumerable<string> written = identity.FindAll(options.ScopeClaim)
            .SelectMany(static claim => claim.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(word => word.StartsWith(options.ScopePrefix, StringComparison.Ordinal))
            .Select(word => word[options.ScopePrefix.Length..]);
        IEnumerable<string> granted = options.Grants
            .Where(grant => identity.FindAll(grant.Claim).Any(
                claim => FileSystemName.MatchesSimpleExpression(grant.Value, claim.Value, ignoreCase: false)))
            .SelectMany(static grant => grant.Scopes);
        return new Caller(
            identity.FindFirst(options.NameClaim)?.Value ?? identity.FindFirst("sub")?.Value ?? "nameless",
            [.. written.Concat(granted).Where(static word => Scopes.All.Contains(word, StringComparer.Ordinal)).Distinct(StringComparer.Ordinal)]);
    }
}
