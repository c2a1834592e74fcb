using Repr.Protocol.V1;

namespace Repr.Build;

/// <summary>What $(ReprPlacement) can say: remote, race or auto, in any case.</summary>
internal static class Placements
{
    /// <summary>All of them, for messages.</summary>
    public const string All = "remote, race or auto";

    /// <summary>Reads a word.</summary>
    /// <returns>False when it means nothing. Nothing at all is <see cref="Placement.Remote"/>.</returns>
    public static bool TryParse(string? text, out Placement placement)
    {
        placement = text?.Trim().ToUpperInvariant() switch
        {
            null or "" or "REMOTE" => Placement.Remote,
            "RACE" => Placement.Race,
            "AUTO" => Placement.Auto,
            _ => Placement.Unspecified,
        };
        return placement != Placement.Unspecified;
    }

    /// <summary>What a project says of its actions. Where nothing may run here (ReprFallback=fail), nothing does so by choice.</summary>
    public static Placement Of(RemoteSettings settings) =>
        !TryParse(settings.Placement, out Placement placement) ? Placement.Remote
        : placement == Placement.Auto && settings.FailInsteadOfFallback ? Placement.Race
        : placement;
}
