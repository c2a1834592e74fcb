using System.ComponentModel.DataAnnotations;

namespace Repr.Security;

/// <summary>A setting that is the absolute path of a file: a process's current directory must not decide which secret it reads.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class AbsolutePathAttribute : ValidationAttribute
{
    /// <inheritdoc/>
    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext)
    {
        ArgumentNullException.ThrowIfNull(validationContext);
        return value is null || (value is string path && Path.IsPathFullyQualified(path))
            ? ValidationResult.Success
            : new ValidationResult($"'{value}' is no absolute path.", [validationContext.MemberName ?? ""]);
    }
}
