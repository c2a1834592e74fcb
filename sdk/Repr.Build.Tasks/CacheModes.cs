using Repr.Protocol.V1;

namespace Repr.Build;

/// <summary>What $(ReprCache) and the parameter of the same name can say: off, read, readwrite or verify, in any case.</summary>
internal static class CacheModes
{
    /// <summary>All of them, for messages.</summary>
    public const string All = "off, read, readwrite or verify";

    /// <summary>Reads a word.</summary>
    /// <returns>False when it means nothing. Nothing at all is <see cref="CacheMode.Unspecified"/>.</returns>
    public static bool TryParse(string? text, out CacheMode mode)
    {
        mode = text?.Trim().ToUpperInvariant() switch
        {
            null or "" => CacheMode.Unspecified,
            "OFF" => CacheMode.Off,
            "READ" => CacheMode.Read,
            "READWRITE" => CacheMode.ReadWrite,
            "VERIFY" => CacheMode.Verify,
            _ => (CacheMode)(-1),
        };
        return (int)mode >= 0;
    }

    /// <summary>The mode of a tool that leaves the same each time: the project's, else results are taken and kept.</summary>
    public static CacheMode OfCompiler(RemoteSettings settings) =>
        TryParse(settings.Cache, out CacheMode mode) && mode != CacheMode.Unspecified ? mode : CacheMode.ReadWrite;

    /// <summary>The mode of any other command: what its call says, unless the project switches the cache off.</summary>
    public static CacheMode OfCommand(RemoteSettings settings, string? wanted) =>
        TryParse(settings.Cache, out CacheMode project) && project == CacheMode.Off || !TryParse(wanted, out CacheMode mode) ? CacheMode.Off : mode;
}
