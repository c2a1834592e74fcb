using System.Text;
using Repr.Server.Execution;

namespace Repr.Server.Warm;

/// <summary>
/// The C# and Visual Basic compilers: commands of csc and vbc, served by the VBCSCompiler that lies beside them. What it answers is
/// what csc would have written, since both are the same compiler; a request has the command's arguments as they are.
/// </summary>
internal sealed class RoslynTool(VirtualPath socket) : IWarmTool
{
    private const string ServerName = "VBCSCompiler";

    // The server puts its socket into /tmp, whatever TMPDIR says, and takes no path for a name.
    private readonly string _pipe = socket.Parent.Text == "/tmp" ? socket.Name : throw new ArgumentException("Not in /tmp.", nameof(socket));

    /// <inheritdoc/>
    public string Name => "roslyn";

    /// <summary>Whether a command is a call of csc or vbc.</summary>
    public static bool IsCompiler(Command command) => Split(command) is not null;

    /// <inheritdoc/>
    public WarmPlan? Recognise(Command command)
    {
        if (Split(command) is not { } call || call.Arguments.Any(argument => argument is "/shared" or "-shared" || argument.StartsWith("/shared:", StringComparison.Ordinal)))
        {
            return null;
        }

        VirtualPath directory = call.Compiler.Parent;
        string pipe = "-pipename:" + _pipe;
        IReadOnlyList<string> arguments = call.Compiler.Name.EndsWith(".dll", StringComparison.Ordinal)
            ? [command.Program.Text, "exec", directory.Append(ServerName + ".dll").Text, pipe]
            : [directory.Append(ServerName).Text, pipe];
        Dictionary<string, string> environment = new(command.Environment);
        environment.TryAdd("DOTNET_EnableDiagnostics", "0"); // nobody can attach in there, and the doors for it cost time
        environment.TryAdd("DOTNET_TieredPGO", "0"); // a server of each slot, most of them young: to measure itself first costs more than it gains
        return new WarmPlan(command with { Arguments = arguments, ProgramPath = null, Environment = environment, OutputRoots = [], Timeout = null });
    }

    /// <inheritdoc/>
    public async ValueTask<object?> PrepareAsync(WarmPlan plan, InputTree files, CancellationToken cancellationToken)
    {
        VirtualPath server = VirtualPath.Parse(plan.Server.Arguments.Count > 2 ? plan.Server.Arguments[2] : plan.Server.Arguments[0] + ".dll");
        if (await files.FindAsync(server, cancellationToken) is not { Kind: FileKind.File })
        {
            return null;
        }

        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = await files.OpenAsync(server, cancellationToken);
        using FileStream content = new(handle, FileAccess.Read);
        return RoslynProtocol.Read(content);
    }

    /// <inheritdoc/>
    public async ValueTask<WarmInputs> ReadAsync(Command command, InputTree files, CancellationToken cancellationToken)
    {
        HashSet<VirtualPath> loadedFrom = [];
        List<ObservedInput> certain = [];
        Queue<string> pending = new(Split(command)!.Value.Arguments);
        HashSet<VirtualPath> read = [];
        while (pending.TryDequeue(out string? argument))
        {
            if (argument.StartsWith('@') && TryResolve(command, argument[1..]) is { } responseFile && read.Add(responseFile))
            {
                foreach (string word in await ReadWordsAsync(responseFile, files, cancellationToken))
                {
                    pending.Enqueue(word);
                }
            }
            else
            {
                (string? option, string value) = SplitOption(argument);
                string[] words = value.Split([',', ';'], StringSplitOptions.RemoveEmptyEntries);
                switch (option)
                {
                    case "ANALYZER" or "A":
                        loadedFrom.UnionWith(Resolve(command, words).Select(static path => path.Parent));
                        break;
                    case "REFERENCE" or "R" or "LINK" or "L":
                        Add(words.Select(WithoutAlias), ObservedKind.Stated);
                        break;
                    case "ADDMODULE":
                        Add(words, ObservedKind.Stated);
                        break;
                    case null or "ANALYZERCONFIG":
                        Add(words, ObservedKind.Read);
                        break;
                }
            }
        }

        return new WarmInputs(loadedFrom, certain);

        void Add(IEnumerable<string> paths, ObservedKind kind) => certain.AddRange(Resolve(command, paths).Select(path => new ObservedInput(path, kind)));
    }

    /// <inheritdoc/>
    public async ValueTask<WarmVerdict> RunAsync(Stream connection, object prepared, Command command, CancellationToken cancellationToken)
    {
        (VirtualPath compiler, IReadOnlyList<string> arguments) = Split(command)!.Value;
        command.Environment.TryGetValue("LIB", out string? libraries);
        string temporary = command.Environment.TryGetValue("TMPDIR", out string? directory) && directory.Length > 0 ? directory : "/tmp/";
        await ((RoslynProtocol)prepared).WriteRequestAsync(
            connection,
            compiler.Name.StartsWith('v'),
            command.WorkingDirectory.Text,
            temporary,
            libraries,
            arguments,
            cancellationToken);
        (int exitCode, string output) = await RoslynProtocol.ReadResponseAsync(connection, cancellationToken);
        return new WarmVerdict(exitCode, Encoding.UTF8.GetBytes(output));
    }

    // "(dir)/csc arguments", or "(dotnet) exec (dir)/csc.dll arguments".
    private static (VirtualPath Compiler, IReadOnlyList<string> Arguments)? Split(Command command)
    {
        IReadOnlyList<string> arguments = command.Arguments;
        if (command.ProgramPath is not null)
        {
            return null;
        }

        return command.Program.Name switch
        {
            "csc" or "vbc" => (command.Program, [.. arguments.Skip(1)]),
            "dotnet" when arguments.Count > 2 && arguments[1] == "exec" && VirtualPath.TryParse(arguments[2], out VirtualPath dll, out _)
                && dll.Name is "csc.dll" or "vbc.dll" => (dll, [.. arguments.Skip(3)]),
            _ => null,
        };
    }

    private static async ValueTask<IEnumerable<string>> ReadWordsAsync(VirtualPath file, InputTree files, CancellationToken cancellationToken)
    {
        if (await files.FindAsync(file, cancellationToken) is not { Kind: FileKind.File })
        {
            return []; // the compiler will say so
        }

        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = await files.OpenAsync(file, cancellationToken);
        await using FileStream content = new(handle, FileAccess.Read);
        using StreamReader reader = new(content);
        return SplitWords(await reader.ReadToEndAsync(cancellationToken));
    }

    // Words end at white space outside of quotes.
    private static List<string> SplitWords(string text)
    {
        List<string> words = [];
        StringBuilder word = new();
        bool quoted = false;
        foreach (char next in text + "\n")
        {
            if (next == '"')
            {
                quoted = !quoted;
            }
            else if (quoted || !char.IsWhiteSpace(next))
            {
                word.Append(next);
            }
            else if (word.Length > 0)
            {
                words.Add(word.ToString());
                word.Clear();
            }
        }

        return words;
    }

    // "alias=path"; what has a separator before the sign is a path.
    private static string WithoutAlias(string reference)
    {
        int sign = reference.IndexOf('=', StringComparison.Ordinal);
        return sign < 0 || reference.AsSpan(0, sign).Contains('/') ? reference : reference[(sign + 1)..];
    }

    // "/option:value", or a source file: the compiler takes "/a/b" and "//b" for one (Roslyn, CommandLineParser.TryParseOption).
    private static (string? Option, string Value) SplitOption(string argument)
    {
        int colon = argument.IndexOf(':', StringComparison.Ordinal);
        int separator = argument.StartsWith('/') ? argument.IndexOf('/', 1) : -1;
        bool isRooted = separator > 0 && (colon < 0 || separator < colon);
        if (isRooted || argument is not ['/' or '-', ..])
        {
            return (null, argument);
        }

        return colon < 0 ? (argument[1..].ToUpperInvariant(), "") : (argument[1..colon].ToUpperInvariant(), argument[(colon + 1)..]);
    }

    private static IEnumerable<VirtualPath> Resolve(Command command, IEnumerable<string> paths) =>
        paths.Select(path => TryResolve(command, path)).OfType<VirtualPath>();

    private static VirtualPath? TryResolve(Command command, string path) =>
        !path.Contains('\0', StringComparison.Ordinal)
        && VirtualPath.TryParse(Path.GetFullPath(path.Trim('"'), command.WorkingDirectory.Text), out VirtualPath resolved, out _)
            ? resolved
            : null;
}
