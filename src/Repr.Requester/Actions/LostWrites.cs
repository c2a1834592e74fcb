using Repr.Requester.Files;

namespace Repr.Requester.Actions;

/// <summary>
/// Finds out whether a run did more than what comes back. A tool that may write anywhere in some directories has done only a part of its
/// work if it also wrote elsewhere. Pure.
/// </summary>
internal static class LostWrites
{
    /// <summary>Refuses a result that is only a part. An action that declares its outputs one by one is not meant.</summary>
    /// <exception cref="ActionFailureException"><see cref="MessageCodes.WriteLost"/>.</exception>
    public static void Refuse(ActionRequest request, ActionResult result)
    {
        string? home = NativePaths.FindVariable(request.Command.Environment, OperatingSystem.IsWindows() ? "USERPROFILE" : "HOME");
        bool declaresOutputs = request.Line is null && request.WriteRoots.Count == 0;
        VirtualPath lost = declaresOutputs ? default : result.UndeclaredWrites.FirstOrDefault(path => !IsPersonal(path, home));
        if (!lost.IsDefault)
        {
            throw new ActionFailureException(
                MessageCodes.WriteLost,
                ReprErrorCode.InvalidRequest,
                $"The command wrote '{lost}', outside the directories in which it may change something; add that directory as a write root.");
        }
    }

    // Caches and histories below ~/.cache and the like are no results.
    private static bool IsPersonal(VirtualPath path, string? home) =>
        Disk.TryParseNative(home, out VirtualPath root) && !root.IsRoot && path.IsWithin(root) && path != root
        && path.Text[root.Text.Length + 1] == '.';
}
