using Google.Protobuf.Collections;
using Repr.Protocol;
using Repr.Requester.Placeholders;
using Repr.Requester.Predictors;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>A run of which the client knew only the command line, completed.</summary>
/// <param name="Run">With program, roots, inputs, description and prediction key.</param>
/// <param name="Line">What the command line says.</param>
internal sealed record DerivedRun(Wire.Run Run, CommandLine Line);

/// <summary>
/// Completes runs that ask for it (<see cref="Wire.Run.Derive"/>). What the client has said stays. Looks at the disk, changes nothing.
/// </summary>
internal static class RunDerivation
{
    private const string DefaultPath = "/usr/local/bin:/usr/bin:/bin";

    // Beside the sources of most projects, whatever builds them.
    private static readonly string[] s_projectMarkers =
    [
        "CMakeLists.txt", "Makefile", "makefile", "GNUmakefile", "configure", "configure.ac", "meson.build", "BUILD.bazel", "MODULE.bazel",
        "WORKSPACE", "Cargo.toml", "package.json", "pyproject.toml", "Directory.Build.props", "debian", ".hg", ".svn",
    ];

    private static readonly string[] s_secretWords = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "APIKEY", "API_KEY", "PRIVATE_KEY"];

    // Of this machine's session or of the build engine, and of no use elsewhere.
    private static readonly string[] s_localPrefixes =
        ["SSH_", "GPG_", "DBUS_", "XDG_", "MSBUILD", "DOTNET_CLI_", "DOTNET_STARTUP_HOOKS", "DOTNET_DiagnosticPorts", "REPR_"];

    // Different in each terminal, shell or build, and nothing that a compiler looks at: its results would be those of that shell alone.
    private static readonly string[] s_shellNames =
        ["_", "OLDPWD", "SHLVL", "WINDOWID", "TERM_SESSION_ID", "TMUX", "TMUX_PANE", "STY", "TRACEPARENT", "TRACESTATE"];

    /// <summary>Completes a run.</summary>
    /// <param name="given">What the client knows.</param>
    /// <param name="predictors">Say what it writes elsewhere, besides its command line.</param>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: there is no program or no working directory.</exception>
    public static DerivedRun Complete(Wire.Run given, InputPredictors predictors)
    {
        Wire.Run run = given.Clone();
        Wire.Command command = run.Command ?? throw Invalid("A run has a command.");
        if (command.Arguments.Count == 0 || !Path.IsPathFullyQualified(command.WorkingDirectory))
        {
            throw Invalid("A command has a program and an absolute working directory.");
        }

        string directory = command.WorkingDirectory;
        string program = FindProgram(command);
        command.Program = program;
        Filter(command.Environment);
        CommandLine line = CommandLine.Read(command.Arguments, directory);
        string home = Path.TrimEndingDirectorySeparator(
            NativePaths.FindVariable(command.Environment, OperatingSystem.IsWindows() ? "USERPROFILE" : "HOME") ?? "");
        bool isCompiler = CommandLine.IsCompiler(program);
        foreach (string name in isCompiler ? s_shellNames : [])
        {
            command.Environment.Remove(name);
        }

        string sourceRoot = FindSourceRoot(directory, home);

        Add(run.ReadRoots, [directory, sourceRoot, .. line.Directories, .. line.Files.Select(ParentOf), .. RootsOfProgram(program)], home);
        Add(run.WriteRoots, [directory, .. isCompiler ? [] : new[] { sourceRoot }, .. WrittenBy(program, line).Select(ParentOf)], home);
        IEnumerable<string> outputs = predictors.HavePlugins
            ? line.Outputs.Concat(predictors.PredictOutputs(line, command.ToCore())).Distinct(StringComparer.Ordinal)
            : line.Outputs;
        run.OutputFiles.Add(outputs.Where(output => !run.WriteRoots.Any(root => IsWithin(output, root))).Where(IsNewOrFile));
        if (run.PlaceholderObjects)
        {
            run.PlaceholderFiles.Add(PlaceholderOutputs.ObjectsOf(program, line));
        }

        run.Inputs.Add(line.Files.Except(line.Outputs, StringComparer.Ordinal).Except(run.OutputFiles, StringComparer.Ordinal));
        if (run.Description.Length == 0)
        {
            string subject = line.Subject ?? command.Arguments.Skip(1).FirstOrDefault(argument => !argument.StartsWith('-')) ?? "";
            run.Description = $"{Path.GetFileName(program)} {subject}".TrimEnd();
        }

        if (run.PredictionKey.Length == 0)
        {
            run.PredictionKey = $"exec {directory}\0{string.Join('\0', command.Arguments)}";
        }

        return new DerivedRun(run, line);
    }

    private static string FindProgram(Wire.Command command)
    {
        string name = command.Arguments[0];
        string[] ends = ProgramEnds(name);
        if (name.Contains('/', StringComparison.Ordinal) || name.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            string full = Path.GetFullPath(name, command.WorkingDirectory);
            return ends.Select(end => full + end).FirstOrDefault(IsProgram) ?? full;
        }

        string path = NativePaths.FindVariable(command.Environment, "PATH") is { Length: > 0 } value ? value : DefaultPath;
        return path.Split(Path.PathSeparator)
            .Select(place => Path.GetFullPath(name, Path.GetFullPath(place.Length == 0 ? "." : place, command.WorkingDirectory)))
            .SelectMany(place => ends.Select(end => place + end))
            .FirstOrDefault(IsProgram)
            ?? throw Invalid($"The program '{name}' is not on the PATH.");
    }

    // As CreateProcess has it: a script of cmd.exe is no program.
    private static string[] ProgramEnds(string name) =>
        !OperatingSystem.IsWindows() || name.EndsWith(".exe", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".com", StringComparison.OrdinalIgnoreCase)
            ? [""]
            : [".exe", ".com"];

    private static bool IsProgram(string path)
    {
        const UnixFileMode Execute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        return File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & Execute) != 0);
    }

    // The nearest repository, else the highest directory that looks like a project's, else the working directory.
    private static string FindSourceRoot(string directory, string home)
    {
        string highest = directory;
        for (string? place = directory; place is not null && place.Length > 1 && place != home; place = Path.GetDirectoryName(place))
        {
            if (Path.Exists(Path.Combine(place, ".git")))
            {
                return place;
            }

            if (s_projectMarkers.Any(marker => Path.Exists(Path.Combine(place, marker))))
            {
                highest = place;
            }
        }

        return highest;
    }

    // A tool that is told no place for its output writes beside what it is given.
    private static IEnumerable<string> WrittenBy(string program, CommandLine line) =>
        line.Outputs.Count == 0 || CommandLine.ChangesOperands(program) ? line.Outputs.Concat(line.Operands) : line.Outputs;

    // A toolchain that is not the system's lies in one directory: /opt/gcc/bin/gcc reads /opt/gcc/lib.
    private static IEnumerable<string> RootsOfProgram(string program)
    {
        string? physical = File.ResolveLinkTarget(program, returnFinalTarget: true)?.FullName;
        return new[] { program, physical }
            .OfType<string>()
            .Select(ParentOf)
            .Select(place => Path.GetFileName(place) == "bin" ? ParentOf(place) : place)
            .Where(place => place is not ("/usr" or "/usr/local"));
    }

    private static void Filter(MapField<string, string> environment)
    {
        foreach (string name in environment.Keys.ToList())
        {
            if (s_localPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
                || s_secretWords.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase)))
            {
                environment.Remove(name);
            }
        }

        // The job server of make is reached by descriptors or pipes of this machine.
        if (environment.TryGetValue("MAKEFLAGS", out string? flags))
        {
            environment["MAKEFLAGS"] = string.Join(
                ' ', flags.Split(' ').Where(flag => !flag.StartsWith("--jobserver", StringComparison.Ordinal) && !flag.StartsWith("-j", StringComparison.Ordinal)));
        }
    }

    // Never the whole machine, nor all that a user has.
    private static void Add(RepeatedField<string> roots, IEnumerable<string> more, string home)
    {
        foreach (string root in more.Select(Path.TrimEndingDirectorySeparator).Distinct(StringComparer.Ordinal))
        {
            bool isTooMuch = root.Length <= 1 || Path.GetPathRoot(root) == root || root is "/tmp" or "/home" or "/etc" or "/var" or "/root" or "/opt"
                || (home.Length > 1 && IsWithin(home, root));
            if (!isTooMuch && Directory.Exists(root) && !roots.Contains(root))
            {
                roots.Add(root);
            }
        }
    }

    private static bool IsNewOrFile(string path) => !Directory.Exists(path) && Directory.Exists(ParentOf(path));

    private static bool IsWithin(string path, string root)
    {
        StringComparison comparison = OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        return string.Equals(path, root, comparison) || path.StartsWith(root + Path.DirectorySeparatorChar, comparison);
    }

    private static string ParentOf(string path) => Path.GetDirectoryName(path) ?? "/";

    private static ReprException Invalid(string message) => new(ReprErrorCode.InvalidRequest, message);
}
