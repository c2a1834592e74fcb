using System.ComponentModel.DataAnnotations;

namespace Repr.Security.Tokens;

/// <summary>Where a requester's token is: a file or a variable.</summary>
public sealed class TokenCredentialOptions : IValidatableObject
{
    private static readonly string[] s_secretWords = ["TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "KEY"];

    /// <summary>The file, which holds the token and nothing else; it is read again when it changes.</summary>
    [AbsolutePath]
    public string? File { get; set; }

    /// <summary>
    /// The name of a variable of the environment of the build that starts the requester process. It must say that it is secret, so that no
    /// tool on a worker gets it.
    /// </summary>
    public string? Variable { get; set; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (File is null == Variable is null)
        {
            yield return new ValidationResult("either File or Variable is to be set.");
        }

        if (Variable is { } name && !s_secretWords.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase)))
        {
            yield return new ValidationResult(
                $"'{name}' could be passed to tools on workers, as any variable; take a name that contains one of: {string.Join(", ", s_secretWords)}.",
                [nameof(Variable)]);
        }
    }
}
