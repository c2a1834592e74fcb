using System.Collections;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using Microsoft.CodeAnalysis.BuildTasks;

namespace Repr.Build;

/// <summary>
/// What <see cref="Csc"/> and <see cref="Vbc"/> share: turns a call of the stock task's ExecuteTool into a <see cref="RemoteAction"/>,
/// and the answer into what the stock task would have logged and returned.
/// </summary>
/// <param name="compiler">The task.</param>
internal sealed class RemoteCompile(ManagedCompiler compiler)
{
    private readonly RemoteRun _run = new();
    private RemoteSettings? _settings;

    /// <summary>Set: it is a rehearsal, with these settings.</summary>
    public RemoteSettings? Rehearsed { get; set; }

    /// <summary>What only the task itself can see of the call.</summary>
    internal sealed record Call
    {
        /// <summary>The program that a local cold compile would start.</summary>
        public required string PathToTool { get; init; }

        /// <summary>The text of the response file, as it is.</summary>
        public required string ResponseFile { get; init; }

        /// <summary>How the stock task would encode it.</summary>
        public required Encoding ResponseFileEncoding { get; init; }

        /// <summary>Splits a response file as the compiler does.</summary>
        public required Func<string, IEnumerable<string>> Split { get; init; }

        /// <summary>Adds what the language's own parameters name.</summary>
        public required Action<CompilerFiles> AddFiles { get; init; }

        /// <summary>Logs one line of the compiler's standard output.</summary>
        public required Action<string> LogOutput { get; init; }

        /// <summary>Logs one line of the compiler's standard error.</summary>
        public required Action<string> LogError { get; init; }

        /// <summary>Runs the stock task.</summary>
        public required Func<int> RunLocally { get; init; }
    }

    /// <summary>Ends a compile that is under way.</summary>
    public void Cancel() => _run.Cancel();

    /// <summary>Runs the stock task, whose compile is announced before: the requester process looks at the inputs while the task writes its response file.</summary>
    /// <param name="execute">The stock task's Execute.</param>
    public bool Announced(Func<bool> execute)
    {
        Announce();
        try
        {
            return execute();
        }
        finally
        {
            _run.Withdraw();
        }
    }

    /// <summary>Compiles remotely, or as the stock task does.</summary>
    /// <returns>The exit code.</returns>
    public int Execute(Call call)
    {
        if (Rehearsed is not null)
        {
            return Rehearse(call, Rehearsed);
        }

        string projectDirectory = ProjectDirectory.Of(compiler);
        RemoteSettings? settings = FindSettings(projectDirectory);
        if (settings is null)
        {
            compiler.Log.LogMessage(MessageImportance.Low, "Repr: runs locally: the target _ReprPrepare has not run for '{0}'", projectDirectory);
            return call.RunLocally();
        }

        RemoteAction? action;
        string reason;
        try
        {
            action = TryDescribe(call, settings, projectDirectory, out reason);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            (action, reason) = (null, exception.Message); // what it means for the compile, the stock task says
        }

        if (action is null)
        {
            compiler.Log.LogMessage(MessageImportance.Low, "Repr: runs locally: {0}", reason);
            return call.RunLocally();
        }

        RemoteRun.Outcome outcome = _run.Execute(compiler.Log, compiler.BuildEngine, settings, action);
        if (outcome.RunLocally)
        {
            return call.RunLocally();
        }

        if (outcome.Verdict is not { } verdict)
        {
            return outcome.ExitCode;
        }

        RemoteRun.LogUnusualEnd(compiler.Log, action, verdict);
        LogLines(verdict.Output, call.LogOutput);
        LogLines(verdict.Error, compiler.LogStandardErrorAsError ? line => compiler.Log.LogError("{0}", line) : call.LogError);
        // The stock task's rule: what it logged as an error is one, whatever the compiler returned.
        return verdict.ExitCode == 0 && compiler.Log.HasLoggedErrors ? -1 : verdict.ExitCode;
    }

    /// <summary>
    /// Runs a whole task except the compile itself, so that its code is loaded and compiled: each node of MSBuild does that anew, and with a known result it takes longer than
    /// the rest.
    /// </summary>
    /// <typeparam name="TTask">The task.</typeparam>
    /// <param name="make">Makes one with <see cref="Rehearsed"/> set, given the path of outputs without extension: there is no such directory.</param>
    /// <returns>False when it did not get to its end.</returns>
    public static bool Rehearse<TTask>(Func<string, TTask> make)
        where TTask : ManagedCompiler
    {
        TaskParameters<TTask>.Prepare();
        ITaskItem[] any = [new TaskItem(typeof(RemoteCompile).Assembly.Location)]; // must exist
        string output = Path.Combine(any[0].ItemSpec + ".rehearsal", "output");
        TTask task = make(output);
        task.BuildEngine = new SilentEngine();
        task.Sources = any;
        task.References = any;
        task.Analyzers = any;
        task.AnalyzerConfigFiles = any;
        task.OutputAssembly = new TaskItem(output + ".dll");
        task.OutputRefAssembly = new TaskItem(output + ".ref.dll");
        task.DefineConstants = "REHEARSAL";
        task.DebugType = "portable";
        task.Deterministic = true;
        task.NoConfig = true;
        ProjectDirectory.Of(task); // reflection compiles a call the second time that it is made
        return task.Execute();
    }

    // Describes a call for nobody, and logs a line of a compiler.
    private int Rehearse(Call call, RemoteSettings settings)
    {
        RemoteAction? action = TryDescribe(call, settings, ProjectDirectory.Of(compiler), out _);
        if (action is null)
        {
            return -1;
        }

        _run.Rehearse(compiler.Log, compiler.BuildEngine, settings, action);
        LogLines("rehearsal.cs(1,1): warning CS0000: nothing", call.LogOutput);
        return 0;
    }

    private static void LogLines(string text, Action<string> log)
    {
        using StringReader reader = new(text);
        while (reader.ReadLine() is { } line)
        {
            log(line);
        }
    }

    private RemoteAction? TryDescribe(Call call, RemoteSettings settings, string projectDirectory, out string reason)
    {
        CompilerFiles files = new(projectDirectory, AnalyzerDirectories.Of(compiler.BuildEngine));
        reason = FindObstacle(call, projectDirectory, files) ?? "";
        if (reason.Length > 0)
        {
            return null;
        }

        files.Add(compiler);
        call.AddFiles(files);
        string[] program = ProgramOf(call.PathToTool);
        string dotnetRoot = DotnetRoot(program[^1]);
        byte[] responseFile = [.. call.ResponseFileEncoding.GetPreamble(), .. call.ResponseFileEncoding.GetBytes(call.ResponseFile)];
        // The name takes no part in what the compiler writes.
        string responsePath = ToolFiles.Temporary($"repr-{Convert.ToHexStringLower(SHA256.HashData(responseFile))[..16]}.rsp");
        string output = Path.GetFullPath(compiler.OutputAssembly!.ItemSpec, projectDirectory);
        return new RemoteAction
        {
            Arguments = [.. program, .. compiler.NoConfig ? ["/noconfig"] : Array.Empty<string>(), "@" + responsePath],
            WorkingDirectory = projectDirectory,
            Environment = ToolEnvironment.Select(ProcessEnvironment(), compiler.EnvironmentVariables ?? []),
            Inputs = [.. files.Inputs.Union(Toolchain.CompilerFiles(program[^1]))],
            GuessedInputs = Toolchain.RuntimeFiles(dotnetRoot, isEarly: Rehearsed is not null),
            VirtualFiles = [new ActionFile(responsePath, responseFile)],
            OutputFiles = files.OutputFiles,
            OutputDirectories = files.OutputDirectories,
            ReadRoots = [dotnetRoot, Path.GetDirectoryName(program[^1])!, .. files.ReadRoots, .. SystemRoots.All],
            Description = $"{compiler.GetType().Name} {Path.GetFileNameWithoutExtension(output)}",
            PredictionKey = PredictionKey(projectDirectory),
            // Else the compiler writes the time and a random number into what it makes.
            Cache = compiler.Deterministic ? CacheModes.OfCompiler(settings) : Protocol.V1.CacheMode.Off,
            Timeout = compiler.Timeout > 0 && compiler.Timeout != int.MaxValue ? TimeSpan.FromMilliseconds(compiler.Timeout) : null,
        };
    }

    // If a known result will do.
    private void Announce()
    {
        if (Rehearsed is not null || compiler is not { SkipCompilerExecution: false, Deterministic: true, OutputAssembly: not null })
        {
            return;
        }

        string projectDirectory = ProjectDirectory.Of(compiler);
        try
        {
            if (FindSettings(projectDirectory) is { } settings && CacheModes.OfCompiler(settings) is Protocol.V1.CacheMode.Read or Protocol.V1.CacheMode.ReadWrite)
            {
                _run.Announce(compiler.BuildEngine, settings, PredictionKey(projectDirectory));
            }
        }
        catch (Exception exception) when (exception is IOException or ArgumentException or NotSupportedException)
        {
            // A path that is none: what it means for the compile, shows when it begins.
        }
    }

    private RemoteSettings? FindSettings(string projectDirectory) => _settings ??= RemoteSettings.Find(compiler.BuildEngine, projectDirectory);

    // Another compiler looks at other files.
    private string PredictionKey(string projectDirectory) =>
        $"{compiler.GetType().Name} {CompilerDirectory()} {Path.GetFullPath(compiler.OutputAssembly!.ItemSpec, projectDirectory)}";

    private string? FindObstacle(Call call, string projectDirectory, CompilerFiles files)
    {
        if (!string.IsNullOrEmpty(compiler.KeyContainer))
        {
            return "a key container is a thing of this machine";
        }

        if (!string.IsNullOrEmpty(compiler.ToolPath) || !IsBuiltIn(call.PathToTool))
        {
            return "the compiler is not the one of the SDK";
        }

        if (ToolEnvironment.FindSecret(compiler.EnvironmentVariables ?? []) is { } secret)
        {
            return $"the project gives the compiler the variable {secret}, which must not leave this machine";
        }

        if (compiler.OutputAssembly is null)
        {
            return "no output is named";
        }

        Queue<string> pending = new((compiler.ResponseFiles ?? []).Select(item => Path.GetFullPath(item.ItemSpec, projectDirectory)));
        HashSet<string> seen = new(StringComparer.Ordinal);
        while (pending.TryDequeue(out string? file))
        {
            if (!seen.Add(file) || !File.Exists(file))
            {
                continue;
            }

            List<string> arguments = [.. call.Split(File.ReadAllText(file))];
            files.AddInput(file);
            if (!files.AddResponseFile(arguments))
            {
                return $"'{file}' names a key container";
            }

            foreach (string nested in arguments.Where(argument => argument.StartsWith('@')))
            {
                pending.Enqueue(Path.GetFullPath(nested[1..].Trim('"'), Path.GetDirectoryName(file)!));
            }
        }

        return null;
    }

    private static bool IsBuiltIn(string pathToTool) =>
        IsDotnetHost(pathToTool)
        || string.Equals(Path.GetDirectoryName(Path.GetFullPath(pathToTool)), CompilerDirectory(), OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);

    // SDKs whose compilers have no launcher of their own start them with 'dotnet exec'.
    private string[] ProgramOf(string pathToTool) => IsDotnetHost(pathToTool)
        ? [Path.GetFullPath(pathToTool), "exec", Path.Combine(CompilerDirectory(), $"{compiler.GetType().Name.ToLowerInvariant()}.dll")]
        : [Path.GetFullPath(pathToTool)];

    private static bool IsDotnetHost(string path) => Path.GetFileNameWithoutExtension(path) == "dotnet";

    // Of the .NET SDK; those of the .NET Framework's MSBuild lie beside the task.
    private static string CompilerDirectory()
    {
        string tasks = Path.GetDirectoryName(typeof(ManagedCompiler).Assembly.Location)!;
        string core = Path.Combine(tasks, "bincore");
        return Directory.Exists(core) ? core : tasks;
    }

    // (root)/sdk/(version)/Roslyn/bincore/csc; a compiler of the .NET Framework needs nothing but its directory.
    private static string DotnetRoot(string program)
    {
        string directory = Path.GetDirectoryName(program)!;
        return Path.GetFileName(directory) == "bincore" ? Path.GetFullPath(Path.Combine(directory, "..", "..", "..", "..")) : directory;
    }

    // Loops, here and where it is used: each node would compile what a query is made of.
    private static Dictionary<string, string> ProcessEnvironment()
    {
        Dictionary<string, string> environment = [];
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            environment[(string)variable.Key] = (string?)variable.Value ?? "";
        }

        return environment;
    }
}
