using System.Text.RegularExpressions;
using Microsoft.Build.Framework;

namespace Repr.Build;

/// <summary>
/// An item of @(ReprExecPattern): which commands run remotely although their calls do not say so. The item's name is what such a command
/// begins with, in whole words ("protoc"); its metadata <c>Regex</c>, if there is any, is a .NET regular expression to be found in the
/// command instead, and the name is only a name. (An expression cannot be the name: MSBuild takes '*' and '?' there for files.)
/// </summary>
internal static class ExecPattern
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(1);

    /// <summary>The regular expression of an item.</summary>
    public static string ToRegex(ITaskItem item)
    {
        string regex = item.GetMetadata("Regex");
        return regex.Length > 0 ? regex : $@"\A\s*{Regex.Escape(item.ItemSpec.Trim())}(\s|\z)";
    }

    /// <summary>What is wrong with a regular expression; null: nothing.</summary>
    public static string? FindProblem(string regex)
    {
        try
        {
            _ = new Regex(regex, RegexOptions.CultureInvariant, s_timeout);
            return null;
        }
        catch (ArgumentException exception)
        {
            return exception.Message;
        }
    }

    /// <summary>True when one of the expressions is found in a command. One that takes longer than a second is not found.</summary>
    public static bool IsMatch(IEnumerable<string> regexes, string command) => regexes.Any(regex =>
    {
        try
        {
            return Regex.IsMatch(command, regex, RegexOptions.CultureInvariant, s_timeout);
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    });
}
