using System.ComponentModel.DataAnnotations;

namespace Repr.Security.Jwt;

/// <summary>Whose tokens count, and what their owners may do.</summary>
public sealed class JwtOptions : IValidatableObject
{
    /// <summary>The claim <c>iss</c> of tokens; without other keys also where OpenID Connect Discovery finds them.</summary>
    [Required(ErrorMessage = "is missing.")]
    public string? Issuer { get; set; }

    /// <summary>What one of the claims <c>aud</c> must be, so that a token for something else does not count here.</summary>
    [Required(ErrorMessage = "is missing.")]
    public string? Audience { get; set; }

    /// <summary>The address of the issuer's keys (JWKS, RFC 7517); null: they are found by discovery.</summary>
    public string? KeysUrl { get; set; }

    /// <summary>A file with the issuer's keys (JWKS), which is read again when it changes.</summary>
    [AbsolutePath]
    public string? KeysFile { get; set; }

    /// <summary>The claim that is the caller's name.</summary>
    public string NameClaim { get; set; } = "sub";

    /// <summary>The claim with the caller's scopes: words in one text (RFC 8693, 4.2), or a list.</summary>
    public string ScopeClaim { get; set; } = "scope";

    /// <summary>What stands before each of our scopes in that claim, as in "repr:".</summary>
    public string ScopePrefix { get; set; } = "";

    /// <summary>What else callers with certain claims may do; all that fit count.</summary>
    public JwtGrant[] Grants { get; set; } = [];

    /// <summary>Seconds by which the clocks of the issuer and this machine may differ.</summary>
    [Range(0, 600)]
    public int ClockSkewSeconds { get; set; } = 30;

    /// <summary>An unknown key makes the worker fetch the keys again, but not more often than after this many seconds.</summary>
    [Range(1, 3600)]
    public int RefreshSeconds { get; set; } = 10;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (KeysUrl is not null && KeysFile is not null)
        {
            yield return new ValidationResult("KeysUrl and KeysFile exclude each other.");
        }

        if (KeysFile is null && !IsSafe(KeysUrl ?? Issuer))
        {
            yield return new ValidationResult(
                $"'{KeysUrl ?? Issuer}' is no https address; keys that anyone on the way can replace prove nothing.",
                [KeysUrl is null ? nameof(Issuer) : nameof(KeysUrl)]);
        }

        for (int i = 0; i < Grants.Length; i++)
        {
            string place = $"{nameof(Grants)}:{i}";
            if (Grants[i].Claim.Length == 0 || Grants[i].Value.Length == 0)
            {
                yield return new ValidationResult("needs a Claim and a Value.", [place]);
            }

            if (Scopes.FindProblem(Grants[i].Scopes) is { } problem)
            {
                yield return new ValidationResult(problem, [$"{place}:{nameof(JwtGrant.Scopes)}"]);
            }
        }
    }

    // This machine may talk to itself as it likes.
    private static bool IsSafe(string? address) => Uri.TryCreate(address, UriKind.Absolute, out Uri? uri)
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));
}

/// <summary>What callers with a certain claim may do.</summary>
public sealed class JwtGrant
{
    /// <summary>The claim, as in "repository".</summary>
    public string Claim { get; set; } = "";

    /// <summary>A pattern for its value: '*' is any text, '?' any character.</summary>
    public string Value { get; set; } = "";

    /// <summary>See <see cref="Repr.Scopes"/>.</summary>
    public string[] Scopes { get; set; } = [];
}
