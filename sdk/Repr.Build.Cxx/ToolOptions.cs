using System.Text;

namespace Repr.Build.Cxx;

/// <summary>The options of one compile or link by their names in Visual C++'s targets, as in "Optimization". An option that is not set is empty.</summary>
/// <param name="find">Finds the value of an option; empty or null: not set.</param>
internal sealed class ToolOptions(Func<string, string?> find)
{
    /// <summary>The value of an option.</summary>
    public string this[string name] => find(name)?.Trim() ?? "";

    /// <summary>True when an option is set to true.</summary>
    public bool IsTrue(string name) => this[name].Equals("true", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// The parts of a list, separated by ';'. What is left of a reference to inherited metadata ("%(AdditionalDependencies)") is no part.
    /// </summary>
    public IEnumerable<string> List(string name) => this[name]
        .Split(';')
        .Select(part => part.Trim())
        .Where(part => part.Length > 0 && !part.StartsWith("%(", StringComparison.Ordinal));

    /// <summary>What a table says about the value of an option; nothing for a value that is not in it.</summary>
    /// <param name="name">The option.</param>
    /// <param name="arguments">Value and arguments (separated by spaces). Values are compared without case.</param>
    public IEnumerable<string> Map(string name, params (string Value, string Arguments)[] arguments)
    {
        string value = this[name];
        return arguments
            .Where(pair => value.Length > 0 && pair.Value.Equals(value, StringComparison.OrdinalIgnoreCase))
            .SelectMany(pair => pair.Arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>The words of AdditionalOptions: white space separates, quotes (single or double) hold together and are taken off.</summary>
    public IEnumerable<string> Words(string name)
    {
        StringBuilder word = new();
        char quote = '\0';
        bool isWord = false;
        foreach (char character in this[name])
        {
            if (quote != '\0' ? character == quote : character is '"' or '\'')
            {
                quote = quote == '\0' ? character : '\0';
                isWord = true;
            }
            else if (quote == '\0' && char.IsWhiteSpace(character))
            {
                if (isWord)
                {
                    yield return word.ToString();
                }

                word.Clear();
                isWord = false;
            }
            else
            {
                word.Append(character);
                isWord = true;
            }
        }

        if (isWord && !word.ToString().StartsWith("%(", StringComparison.Ordinal))
        {
            yield return word.ToString();
        }
    }
}
