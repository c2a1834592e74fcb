using System.Text;

namespace Repr.Workspaces.Windows;

/// <summary>Arguments as one command line.</summary>
internal static class CommandLineText
{
    private const int LongestLine = 32766;

    /// <summary>
    /// The command line from which a program of Microsoft's C runtime reads these arguments ("Parsing C command-line arguments",
    /// learn.microsoft.com). The first is the program's name, which is quoted without escapes.
    /// </summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: it is longer than Windows allows, or cannot be written.</exception>
    public static string Join(IReadOnlyList<string> arguments)
    {
        if (arguments[0].Contains('"', StringComparison.Ordinal) || arguments.Any(static argument => argument.Contains('\0', StringComparison.Ordinal)))
        {
            throw new ReprException(ReprErrorCode.InvalidRequest, $"The command line of '{arguments[0]}' has a character that Windows does not allow there.");
        }

        StringBuilder line = new();
        line.Append('"').Append(arguments[0]).Append('"');
        foreach (string argument in arguments.Skip(1))
        {
            line.Append(' ');
            Append(line, argument);
        }

        return line.Length <= LongestLine
            ? line.ToString()
            : throw new ReprException(
                ReprErrorCode.InvalidRequest, $"The command line of '{arguments[0]}' has {line.Length} characters; Windows allows {LongestLine}. Use a response file.");
    }

    private static void Append(StringBuilder line, string argument)
    {
        if (argument.Length > 0 && !argument.AsSpan().ContainsAny(" \t\n\v\""))
        {
            line.Append(argument);
            return;
        }

        line.Append('"');
        int backslashes = 0;
        foreach (char c in argument)
        {
            if (c == '\\')
            {
                backslashes++;
                continue;
            }

            // Before a quote each backslash counts twice; elsewhere it is one.
            line.Append('\\', c == '"' ? (2 * backslashes) + 1 : backslashes).Append(c);
            backslashes = 0;
        }

        line.Append('\\', 2 * backslashes).Append('"');
    }
}
