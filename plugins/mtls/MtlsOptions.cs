using System.ComponentModel.DataAnnotations;

namespace Repr.Security.Mtls;

/// <summary>Whose client certificates count, and what their owners may do.</summary>
public sealed class MtlsOptions : IValidatableObject
{
    /// <summary>PEM: the authorities of clients, and intermediate ones; read again when it changes.</summary>
    [Required(ErrorMessage = "is missing.")]
    [AbsolutePath]
    public string? CaFile { get; set; }

    /// <summary>What whom is allowed; all that fit count.</summary>
    public MtlsGrant[] Grants { get; set; } = [];

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        for (int i = 0; i < Grants.Length; i++)
        {
            string place = $"{nameof(Grants)}:{i}";
            if (string.IsNullOrEmpty(Grants[i].Name))
            {
                yield return new ValidationResult("is missing.", [$"{place}:{nameof(MtlsGrant.Name)}"]);
            }

            if (Scopes.FindProblem(Grants[i].Scopes) is { } problem)
            {
                yield return new ValidationResult(problem, [$"{place}:{nameof(MtlsGrant.Scopes)}"]);
            }
        }

        if (Grants.Length == 0)
        {
            yield return new ValidationResult("is missing: nobody may do anything.", [nameof(Grants)]);
        }
    }
}

/// <summary>What the owners of some certificates may do.</summary>
public sealed class MtlsGrant
{
    /// <summary>
    /// A pattern ('*' is any text, '?' any character) for one of the names in the certificate: an alternative name of the kinds DNS, e-mail
    /// and URI, or the common name.
    /// </summary>
    public string Name { get; set; } = "";

    /// <summary>See <see cref="Repr.Scopes"/>.</summary>
    public string[] Scopes { get; set; } = [];
}
