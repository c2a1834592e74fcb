using Repr.Requester.Door;

namespace Repr.Cli.Exec;

/// <summary>
/// One line for each cause and build, as far as a mark in the runtime directory can tell: thousands of commands may meet the same. The rule
/// is the front's (exec.c).
/// </summary>
internal static class SaidBefore
{
    private static readonly TimeSpan s_recent = TimeSpan.FromMinutes(1);

    /// <summary>Whether another command of this build has said it a moment ago; from now on, this one has.</summary>
    public static bool Check(string code, string buildId)
    {
        string build = new([.. buildId.Take(64).Select(c => char.IsAsciiLetterOrDigit(c) || c == '_' ? c : '-')]);
        string mark = Path.Combine(DoorPaths.FindRuntimeDirectory(), $"said-{code}-{build}");
        try
        {
            bool said = File.Exists(mark) && DateTime.UtcNow - File.GetLastWriteTimeUtc(mark) < s_recent;
            if (!said)
            {
                File.WriteAllBytes(mark, []);
            }

            return said;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
