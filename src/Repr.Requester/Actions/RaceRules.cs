using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>Which actions may run twice, and which failures are worth another run. Pure.</summary>
internal static class RaceRules
{
    /// <summary>
    /// Whether a second run may be begun while the first one runs. A worker's sandbox has no network, and what is written there comes here from one run only; still only tools are
    /// raced that do nothing but write files: those whose outputs are all declared, compilers and their kin, and commands of which the user said so, as known results will do for
    /// them. Nothing that takes input or has a terminal.
    /// </summary>
    public static bool MayRunTwice(ActionRequest request) =>
        request.Placement is Wire.Placement.Race or Wire.Placement.Auto
        && !request.Command.TakesInput
        && request.Command.Terminal is null
        && (request.Caching != ResultCaching.Off
            || (request.Line is null && request.WriteRoots.Count == 0)
            || CommandLine.IsCompiler(request.Command.Program.Name));

    /// <summary>Whether it may be taken back from its worker to run here: it runs once then.</summary>
    public static bool MayComeHere(ActionRequest request) => request.Placement == Wire.Placement.Auto;

    /// <summary>Whether the same may go well another time.</summary>
    public static bool IsWorthRetrying(Exception failure)
    {
        ReprErrorCode? code = failure switch
        {
            ReprException repr => repr.Code,
            ActionFailureException action => action.Code,
            _ => null,
        };
        return code is ReprErrorCode.Unavailable or ReprErrorCode.Corrupt or ReprErrorCode.Exhausted or ReprErrorCode.InvalidInput;
    }
}
