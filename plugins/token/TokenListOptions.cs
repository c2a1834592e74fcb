using System.ComponentModel.DataAnnotations;

namespace Repr.Security.Tokens;

/// <summary>Where a worker's list of tokens is: a file or a variable.</summary>
public sealed class TokenListOptions : IValidatableObject
{
    /// <summary>The file; it is read again when it changes.</summary>
    [AbsolutePath]
    public string? File { get; set; }

    /// <summary>The name of a variable of the worker's environment that holds what the file would.</summary>
    public string? Variable { get; set; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (File is null == Variable is null)
        {
            yield return new ValidationResult("either File or Variable is to be set.");
        }
    }
}
