using System.ComponentModel.DataAnnotations;

namespace Repr.Security.Exec;

/// <summary>The program that knows the token.</summary>
public sealed class ExecCredentialOptions
{
    /// <summary>The program.</summary>
    [Required(ErrorMessage = "is missing.")]
    [AbsolutePath]
    public string? Command { get; set; }

    /// <summary>Its arguments.</summary>
    public string[] Arguments { get; set; } = [];

    /// <summary>Seconds that it may take.</summary>
    [Range(1, 600)]
    public int TimeoutSeconds { get; set; } = 30;

    /// <summary>Seconds for which a token is used again that has no time of expiry of its own.</summary>
    [Range(0, 86400)]
    public int CacheSeconds { get; set; } = 300;
}
