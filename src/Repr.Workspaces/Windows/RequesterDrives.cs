using System.Text.RegularExpressions;

namespace Repr.Workspaces.Windows;

/// <summary>Which drives an action has: the driver's rules for them have to be complete before its first process.</summary>
internal static partial class RequesterDrives
{
    /// <summary>
    /// All that the requester says he has when his root is listed, and those that the command names. A requester that does not show his root
    /// (one on Linux has no drives) has those of the command alone.
    /// </summary>
    /// <returns>Letters, upper case.</returns>
    /// <exception cref="ReprException">The requester did not answer.</exception>
    public static async ValueTask<IReadOnlyCollection<char>> FindAsync(
        Command command, IReadOnlyDictionary<string, string> environment, IFileSource files, CancellationToken cancellationToken)
    {
        SortedSet<char> letters =
        [
            .. new[] { command.Program, command.WorkingDirectory }.Concat(command.OutputRoots).Where(static path => path.HasDrive).Select(static path => Letter(path.Text[1])),
            .. command.Arguments.Concat(environment.Values).SelectMany(static text => PathPattern().Matches(text)).Select(static match => Letter(match.Value[0])),
        ];
        try
        {
            foreach (FileEntry entry in await files.ListAsync(VirtualPath.Root, cancellationToken))
            {
                if (entry.Kind == FileKind.Directory && VirtualPath.Root.Append(entry.Name).HasDrive)
                {
                    letters.Add(Letter(entry.Name[0]));
                }
            }
        }
        catch (ReprException exception) when (exception.Code == ReprErrorCode.Refused)
        {
            // What the command names is all that it can be meant to see.
        }

        return letters;
    }

    private static char Letter(char c) => char.ToUpperInvariant(c);

    // Options come before paths without a blank ("/IE:\inc", "-FoD:\o\"). A letter too many is an empty drive; "https://" is none.
    [GeneratedRegex(@"[A-Za-z](?=:[\\/](?!/))")]
    private static partial Regex PathPattern();
}
