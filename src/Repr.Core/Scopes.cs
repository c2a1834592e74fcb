namespace Repr;

/// <summary>
/// What a caller of a worker may do: words that an authenticator gives and that the worker's policies ask for. A word that is none of
/// these means nothing.
/// </summary>
public static class Scopes
{
    /// <summary>Run actions; and, since an action can do no less, read and write content by digest.</summary>
    public const string Execute = "execute";

    /// <summary>Read any content by its digest, and results of actions.</summary>
    public const string CasRead = "cas-read";

    /// <summary>Write content, and results of actions: whoever may do that is believed by all who read results.</summary>
    public const string CasWrite = "cas-write";

    /// <summary>See and change the worker itself.</summary>
    public const string Admin = "admin";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [Execute, CasRead, CasWrite, Admin];

    /// <summary>A sentence about the first word that is no scope; null when all are.</summary>
    public static string? FindProblem(IEnumerable<string> words)
    {
        ArgumentNullException.ThrowIfNull(words);
        return words.FirstOrDefault(static word => !All.Contains(word, StringComparer.Ordinal)) is { } unknown
            ? $"'{unknown}' is no scope; those are: {string.Join(", ", All)}."
            : null;
    }
}
