using System.Text;
using System.Text.RegularExpressions;

namespace Repr.Requester.Actions;

/// <summary>
/// What a command line says about files, as far as that shows without knowing the tool: arguments that name something that is
/// there, and the few options of compilers after which the name of an output or of a directory of headers follows. A guess: what it
/// misses is asked back, what it names in vain costs a look. Immutable.
/// </summary>
internal sealed partial class CommandLine
{
    private const int MaximumResponseFileBytes = 4 << 20;

    private static readonly string[] s_outputOptions = ["-o", "-MF", "-MJ", "-dumpdir", "/Fo", "-Fo", "/Fd", "-Fd", "/Fe", "-Fe", "/Fp", "-Fp", "/Fa", "-Fa"];
    private static readonly string[] s_ruleOptions = ["-MT", "-MQ"]; // the name of a rule in a dependency file, often another for each call
    private static readonly string[] s_pathOptions = ["-I", "-isystem", "-iquote", "-idirafter", "/I", "-L", "-B", "-F", "/Yu", "/FI", "-FI"];

    private readonly HashSet<string> _files = new(StringComparer.Ordinal);
    private readonly HashSet<string> _directories = new(StringComparer.Ordinal);
    private readonly HashSet<string> _outputs = new(StringComparer.Ordinal);
    private readonly HashSet<string> _operands = new(StringComparer.Ordinal);
    private readonly HashSet<string> _responseFiles = new(StringComparer.Ordinal);
    private readonly List<string> _words = [];
    private readonly StringBuilder _family = new();

    private readonly bool _hasRules;

    private CommandLine(string program, string workingDirectory)
    {
        WorkingDirectory = workingDirectory;
        _hasRules = !MicrosoftName().IsMatch(Path.GetFileName(program)); // there -MT is a kind of C runtime
        _family.Append(program);
    }

    /// <summary>The working directory.</summary>
    public string WorkingDirectory { get; }

    /// <summary>Arguments that are files, and what response files name. Absolute.</summary>
    public IReadOnlyCollection<string> Files => _files;

    /// <summary>Arguments that are directories. Absolute.</summary>
    public IReadOnlyCollection<string> Directories => _directories;

    /// <summary>All arguments without the program; response files are replaced by the words in them.</summary>
    public IReadOnlyList<string> Words => _words;

    /// <summary>Files that will be written. Absolute; need not exist.</summary>
    public IReadOnlyCollection<string> Outputs => _outputs;

    /// <summary>Arguments that are no options, whether anything is there or not. Absolute.</summary>
    public IReadOnlyCollection<string> Operands => _operands;

    /// <summary>The command without the files of this one call: equal for all files that a build compiles in the same way.</summary>
    public string Family => _family.ToString();

    /// <summary>The first file that is no response file, for people; null: there is none.</summary>
    public string? Subject { get; private set; }

    /// <summary>Reads a command line.</summary>
    /// <param name="arguments">argv; the first is the program.</param>
    /// <param name="directory">The working directory.</param>
    public static CommandLine Read(IReadOnlyList<string> arguments, string directory)
    {
        CommandLine line = new(arguments[0], directory);
        line.ReadAll(arguments.Skip(1));
        return line;
    }

    /// <summary>Whether a program is a compiler, assembler, linker or archiver by its name: such a one writes nothing but its outputs.</summary>
    public static bool IsCompiler(string program) => CompilerName().IsMatch(Path.GetFileName(program));

    /// <summary>Whether a program changes the files that it is given.</summary>
    public static bool ChangesOperands(string program) => ArchiverName().IsMatch(Path.GetFileName(program));

    [GeneratedRegex(@"^(.+-)?i?cl(-\d+(\.\d+)*)?(\.exe)?$", RegexOptions.IgnoreCase)]
    private static partial Regex MicrosoftName();

    [GeneratedRegex(@"^(.+-)?(ar|ranlib|objcopy|strip|llvm-lib)(-\d+(\.\d+)*)?$")]
    private static partial Regex ArchiverName();

    [GeneratedRegex(
        @"^(.+-)?(cc|c\+\+|gcc|g\+\+|clang|clang\+\+|clang-cl|cl|cpp|gfortran|as|ar|ranlib|ld|ld\.\w+|lld-link|llvm-lib|gcc-ar|gcc-ranlib|objcopy|strip)(-\d+(\.\d+)*)?(\.exe)?$")]
    private static partial Regex CompilerName();

    private void ReadAll(IEnumerable<string> arguments)
    {
        string? option = null;
        foreach (string argument in arguments)
        {
            if (s_ruleOptions.Contains(option, StringComparer.Ordinal) && !IsRuleName(argument))
            {
                option = null; // of another compiler
            }

            if (option is not null || !(argument.StartsWith('@') && argument.Length > 1))
            {
                _words.Add(argument);
            }

            if (option is not null)
            {
                Take(option, argument);
                option = null;
            }
            else if (argument.StartsWith('@') && argument.Length > 1)
            {
                ReadResponseFile(Absolute(argument[1..]));
            }
            else if (TakesNext(argument))
            {
                option = argument;
            }
            else
            {
                ReadArgument(argument);
            }
        }
    }

    private bool TakesNext(string argument) =>
        (_hasRules && s_ruleOptions.Contains(argument, StringComparer.Ordinal))
        || s_outputOptions.Contains(argument, StringComparer.Ordinal)
        || s_pathOptions.Contains(argument, StringComparer.Ordinal)
        || argument is "-include" or "-imacros";

    private bool IsRuleName(string argument) =>
        !argument.StartsWith('-')
        && !argument.StartsWith("/F", StringComparison.Ordinal)
        && (Path.GetExtension(argument) is ".o" or ".lo" or ".obj" || !Path.Exists(Absolute(argument)));

    private void ReadArgument(string argument)
    {
        if (FindJoined(argument, s_outputOptions.Where(option => option is not ("-o" or "-MF"))) is { } output)
        {
            Take(output, argument[output.Length..]);
        }
        else if (FindJoined(argument, s_pathOptions) is { } path)
        {
            Take(path, argument[path.Length..]);
        }
        else if (argument.StartsWith('-'))
        {
            ReadOther(argument);
        }
        else
        {
            string operand = Absolute(argument);
            _operands.Add(operand);
            if (Path.Exists(operand))
            {
                Note(operand, isSubject: true);
            }
            else
            {
                ReadOther(argument);
            }
        }
    }

    private void ReadOther(string argument)
    {
        _family.Append('\0').Append(argument);
        foreach (string part in argument.Split('=', ',').Skip(1).Where(part => part.Contains('/', StringComparison.Ordinal)))
        {
            Note(Absolute(part), isSubject: false);
        }
    }

    private static string? FindJoined(string argument, IEnumerable<string> options) => options.FirstOrDefault(
        option => argument.Length > option.Length && argument.StartsWith(option, StringComparison.Ordinal));

    private void Take(string option, string value)
    {
        if (s_ruleOptions.Contains(option, StringComparer.Ordinal))
        {
            return;
        }

        string path = Absolute(value);
        if (s_outputOptions.Contains(option, StringComparer.Ordinal))
        {
            _outputs.Add(value.EndsWith('/') ? Path.Combine(path, "-") : path);
            return;
        }

        _family.Append('\0').Append(option).Append(value);
        Note(path, isSubject: false);
    }

    private void Note(string path, bool isSubject)
    {
        if (Directory.Exists(path))
        {
            _directories.Add(path);
        }
        else if (File.Exists(path) && !_outputs.Contains(path))
        {
            _files.Add(path);
            Subject ??= isSubject ? Path.GetFileName(path) : null;
        }
    }

    private void ReadResponseFile(string path)
    {
        FileInfo file = new(path);
        if (!file.Exists || file.Length > MaximumResponseFileBytes || !_responseFiles.Add(path))
        {
            return;
        }

        _files.Add(path);
        try
        {
            ReadAll(Split(File.ReadAllText(path)));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The command will say so.
        }
    }

    // As libiberty's buildargv: white space separates, quotes and backslashes keep.
    private static IEnumerable<string> Split(string text)
    {
        StringBuilder word = new();
        bool isWord = false;
        char quote = '\0';
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\\' && i + 1 < text.Length)
            {
                word.Append(text[++i]);
                isWord = true;
            }
            else if (quote != '\0' ? c == quote : c is '"' or '\'')
            {
                quote = quote == '\0' ? c : '\0';
                isWord = true;
            }
            else if (quote == '\0' && char.IsWhiteSpace(c))
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
                word.Append(c);
                isWord = true;
            }
        }

        if (isWord)
        {
            yield return word.ToString();
        }
    }

    private string Absolute(string path)
    {
        try
        {
            return Path.TrimEndingDirectorySeparator(Path.GetFullPath(path.Length == 0 ? "." : path, WorkingDirectory));
        }
        catch (ArgumentException)
        {
            return WorkingDirectory; // A NUL: no path.
        }
    }
}
