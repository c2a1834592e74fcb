using System.Text;

namespace Repr.Build;

/// <summary>
/// Splits the one string of arguments that <see cref="System.Diagnostics.ProcessStartInfo.Arguments"/> holds as the runtime does when it
/// starts a process on Unix: white space separates, quotes hold together, a doubled quote within quotes is a quote, and backslashes
/// matter only before a quote.
/// </summary>
internal static class ArgumentSplitter
{
    /// <summary>The arguments, in order.</summary>
    public static List<string> Split(string arguments)
    {
        List<string> result = [];
        int index = 0;
        while (true)
        {
            while (index < arguments.Length && arguments[index] is ' ' or '\t')
            {
                index++;
            }

            if (index >= arguments.Length)
            {
                return result;
            }

            result.Add(Next(arguments, ref index));
        }
    }

    private static string Next(string arguments, ref int index)
    {
        StringBuilder argument = new();
        bool isQuoted = false;
        while (index < arguments.Length)
        {
            int backslashes = 0;
            for (; index < arguments.Length && arguments[index] == '\\'; index++)
            {
                backslashes++;
            }

            bool isQuote = index < arguments.Length && arguments[index] == '"';
            argument.Append('\\', isQuote ? backslashes / 2 : backslashes);
            if (index >= arguments.Length)
            {
                break;
            }

            char character = arguments[index];
            if (isQuote && backslashes % 2 == 0)
            {
                if (isQuoted && index + 1 < arguments.Length && arguments[index + 1] == '"')
                {
                    argument.Append('"');
                    index++;
                }
                else
                {
                    isQuoted = !isQuoted;
                }
            }
            else if (character is ' ' or '\t' && !isQuoted)
            {
                break;
            }
            else
            {
                argument.Append(character);
            }

            index++;
        }

        return argument.ToString();
    }
}
