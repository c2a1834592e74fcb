namespace Repr.Build;

/// <summary>What $(ReprDownload) can say: all or minimal, in any case.</summary>
internal static class DownloadModes
{
    /// <summary>All of them, for messages.</summary>
    public const string All = "all or minimal";

    /// <summary>Reads a word; nothing at all means all.</summary>
    /// <returns>False when it means nothing.</returns>
    public static bool TryParse(string? text, out bool isMinimal)
    {
        isMinimal = string.Equals(text?.Trim(), "minimal", StringComparison.OrdinalIgnoreCase);
        return isMinimal || string.IsNullOrWhiteSpace(text) || string.Equals(text!.Trim(), "all", StringComparison.OrdinalIgnoreCase);
    }
}
