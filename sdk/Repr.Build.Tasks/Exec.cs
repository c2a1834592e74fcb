using System.Diagnostics;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using Repr.Protocol.V1;

namespace Repr.Build;

/// <summary>
/// The stock Exec task, whose command runs on a worker if the call says so (<see cref="ReprRemote"/>) or an item of @(ReprExecPattern)
/// does. Everything but the run itself is the base's. It stands in for the stock task in every project with the SDK, so that a call
/// with the additional parameters works with Repr switched off too: it is the stock task then.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class Exec : Microsoft.Build.Tasks.Exec
{
    private const string KillingCode = "MSB5002";

    private static readonly PropertyInfo? s_overridden =
        typeof(ToolTask).GetProperty("ExitCodeOverriddenToIndicateErrors", BindingFlags.Instance | BindingFlags.NonPublic);

    private readonly RemoteRun _run = new();
    private int _linesOfLostAttempt;
    private bool _isEnded;

    /// <summary>"true": run remotely; "false": run locally, whatever the patterns say; empty: ask the patterns.</summary>
    public string? ReprRemote { get; set; }

    /// <summary>Files that the command probably reads. A hint: whatever else it reads is asked back.</summary>
    public ITaskItem[] ReprInputs { get; set; } = [];

    /// <summary>Files that the command writes. A hint: their directories are made, and may be written to wherever they are.</summary>
    public ITaskItem[] ReprOutputs { get; set; } = [];

    /// <summary>
    /// Whether a result that the worker knows will do: off (if empty too), read, readwrite or verify. Only for a command whose result depends on
    /// nothing but the files that it reads, its environment and itself.
    /// </summary>
    public string? ReprCache { get; set; }

    /// <summary>The lines that the command wrote, with ConsoleToMSBuild: the base's, without those of an attempt that has no verdict.</summary>
    [Output]
    public new ITaskItem[] ConsoleOutput => [.. base.ConsoleOutput.Skip(_linesOfLostAttempt)];

    /// <inheritdoc/>
    public override void Cancel()
    {
        _run.Cancel();
        base.Cancel();
    }

    /// <inheritdoc/>
    protected override int ExecuteTool(string pathToTool, string responseFileCommands, string commandLineCommands)
    {
        string projectDirectory = ProjectDirectory.Of(this);
        RemoteSettings? settings = FindSettings(projectDirectory);
        ProcessStartInfo? local = settings is null ? null : GetProcessStartInfo(pathToTool, commandLineCommands, "");
        if (settings is null || local is null || TryDescribe(local, settings, projectDirectory, out string script) is not { } action)
        {
            return base.ExecuteTool(pathToTool, responseFileCommands, commandLineCommands);
        }

        TextLines output = new(local.StandardOutputEncoding ?? Encoding.UTF8, line => LogEventsFromTextOutput(line, StandardOutputImportanceToUse));
        TextLines error = new(local.StandardErrorEncoding ?? Encoding.UTF8, line =>
        {
            if (LogStandardErrorAsError)
            {
                Log.LogError("{0}", line);
            }
            else
            {
                LogEventsFromTextOutput(line, StandardErrorImportanceToUse);
            }
        });

        RemoteRun.Outcome outcome = _run.Execute(
            Log, BuildEngine, settings, action, text => (text.IsStderr ? error : output).Add(text.Data.Span));
        error.End();
        output.End();
        if (outcome.RunLocally)
        {
            _linesOfLostAttempt = base.ConsoleOutput.Length;
            return base.ExecuteTool(pathToTool, responseFileCommands, commandLineCommands);
        }

        DeleteTempFile(script);
        return outcome.Verdict is { } verdict ? Conclude(verdict) : EndWithoutVerdict(outcome.ExitCode);
    }

    /// <inheritdoc/>
    protected override bool ValidateParameters()
    {
        if (!string.IsNullOrWhiteSpace(ReprRemote) && !bool.TryParse(ReprRemote, out _))
        {
            Log.LogError(
                null, MessageCodes.MalformedParameter, null, null, 0, 0, 0, 0,
                "ReprRemote=\"{0}\" is neither true nor false.", ReprRemote);
            return false;
        }

        if (!CacheModes.TryParse(ReprCache, out _))
        {
            Log.LogError(
                null, MessageCodes.MalformedParameter, null, null, 0, 0, 0, 0,
                "ReprCache=\"{0}\" is not {1}.", ReprCache, CacheModes.All);
            return false;
        }

        return base.ValidateParameters();
    }

    /// <inheritdoc/>
    protected override bool HandleTaskExecutionErrors() => !_isEnded && base.HandleTaskExecutionErrors();

    private RemoteSettings? FindSettings(string projectDirectory)
    {
        bool? wanted = string.IsNullOrWhiteSpace(ReprRemote) ? null : bool.Parse(ReprRemote);
        if (wanted == false)
        {
            return null;
        }

        RemoteSettings? settings = RemoteSettings.Find(BuildEngine, projectDirectory);
        if (settings is null)
        {
            if (wanted == true)
            {
                Log.LogMessage(MessageImportance.Low, "Repr: runs locally: Repr is switched off for '{0}'", projectDirectory);
            }

            return null;
        }

        return wanted == true || ExecPattern.IsMatch(settings.ExecPatterns, Command) ? settings : null;
    }

    // The base has written the command into a script and has the shell read it ("sh -c '. /tmp/x.exec.cmd'", "cmd /Q /D /C C:\x.cmd"). The same script goes
    // along, by a name that is always the same for the same command: no trace of the run is in what the command writes.
    private RemoteAction? TryDescribe(ProcessStartInfo local, RemoteSettings settings, string projectDirectory, out string script)
    {
        List<string> arguments = ArgumentSplitter.Split(local.Arguments);
        string last = arguments.Count > 0 ? arguments[^1] : "";
        int start = OperatingSystem.IsWindows() ? 0 : last.LastIndexOf(". /", StringComparison.Ordinal) + ". ".Length;
        script = start == 1 ? "" : last[start..].Trim().Trim('"');
        if (!File.Exists(script))
        {
            Log.LogMessage(MessageImportance.Low, "Repr: runs locally: the stock task's script was not found in '{0}'", local.Arguments);
            return null;
        }

        byte[] content = File.ReadAllBytes(script);
        string digest = Convert.ToHexStringLower(SHA256.HashData(content))[..16];
        string remoteScript = ToolFiles.Temporary($"repr-{digest}{(OperatingSystem.IsWindows() ? ".cmd" : ".sh")}");
        arguments[^1] = last[..start] + remoteScript;
        string workingDirectory = local.WorkingDirectory.Length > 0 ? Path.GetFullPath(local.WorkingDirectory, projectDirectory) : projectDirectory;
        string Absolute(ITaskItem item) => Path.GetFullPath(item.ItemSpec, projectDirectory);
        List<string> outputDirectories = [.. Outputs.Concat(ReprOutputs).Select(item => Path.GetDirectoryName(Absolute(item)) ?? "/")];
        foreach (string directory in outputDirectories)
        {
            Directory.CreateDirectory(directory);
        }

        string firstLine = Command.Trim().Split('\n')[0].TrimEnd();
        return new RemoteAction
        {
            Arguments = [local.FileName, .. arguments],
            WorkingDirectory = Path.TrimEndingDirectorySeparator(workingDirectory),
            Environment = local.Environment.Where(pair => pair.Value is not null).ToDictionary(pair => pair.Key, pair => pair.Value!),
            Inputs = [.. ReprInputs.Select(Absolute).Distinct(StringComparer.Ordinal)],
            VirtualFiles = [new ActionFile(remoteScript, content)],
            OutputFiles = [],
            OutputDirectories = [],
            WriteRoots = [.. settings.WriteRoots.Union(outputDirectories, StringComparer.Ordinal)],
            ReadRoots = [.. ReprInputs.Select(Absolute), workingDirectory, .. outputDirectories, .. SystemRoots.All],
            Derive = true,
            Description = $"Exec {(firstLine.Length <= 60 ? firstLine : firstLine[..57] + "...")}",
            PredictionKey = $"Exec {projectDirectory} {digest}",
            Cache = CacheModes.OfCommand(settings, ReprCache),
            Timeout = Timeout >= 0 && Timeout != int.MaxValue ? TimeSpan.FromMilliseconds(Timeout) : null,
        };
    }

    // The base's rules: a signal is 128 + its number, a time-out is a warning and a failed task, and what was logged as an error is one.
    private int Conclude(RemoteRun.Verdict verdict)
    {
        if (verdict.IsTimedOut)
        {
            _isEnded = true;
            Log.LogWarning(
                null, KillingCode, null, null, 0, 0, 0, 0,
                "Terminating the task executable \"{0}\" because it did not finish within the specified limit of {1} milliseconds.", ToolName, Timeout);
        }

        if (verdict.ExitCode != 0 || !Log.HasLoggedErrors)
        {
            return verdict.ExitCode;
        }

        // What the base then says depends on this property, where there is one (since MSBuild 18).
        s_overridden?.SetValue(this, true);
        return -1;
    }

    // The build is being cancelled, or an error was logged.
    private int EndWithoutVerdict(int exitCode)
    {
        _isEnded = true;
        return exitCode == 0 ? -1 : exitCode;
    }
}
