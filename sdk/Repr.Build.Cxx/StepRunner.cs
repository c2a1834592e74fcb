using System.ComponentModel;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using Repr.Requester.Predictors;
using Task = System.Threading.Tasks.Task;

namespace Repr.Build.Cxx;

/// <summary>
/// Runs steps: those that are not up to date, all at the same time, each on a worker, and here where that is not possible. The text of a
/// step is logged in one piece.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Semaphores of which nobody asked for the wait handle hold nothing.")]
internal sealed class StepRunner
{
    // Of this process: each is a thread and a connection to the requester process. How many run at the same time is the worker's choice.
    private static readonly SemaphoreSlim s_inFlight = new(256);

    private readonly SemaphoreSlim _logging = new(1);
    private readonly Lazy<LocalSlots> _slots = new(() => new LocalSlots());

    /// <summary>The task's log.</summary>
    public required TaskLoggingHelper Log { get; init; }

    /// <summary>The task's engine.</summary>
    public required IBuildEngine Engine { get; init; }

    /// <summary>Runs the actions.</summary>
    public required RemoteRun Remote { get; init; }

    /// <summary>The project's settings; null: everything runs here.</summary>
    public required RemoteSettings? Settings { get; init; }

    /// <summary>The project's directory, in which all tools run.</summary>
    public required string Directory { get; init; }

    /// <summary>The environment of all tools.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>Runs what is not up to date.</summary>
    /// <returns>False when a step failed or the build was cancelled.</returns>
    public async Task<bool> RunAsync(IReadOnlyList<Step> steps)
    {
        string[] links = [.. steps.SelectMany(step => step.Outputs).Where(OutputFiles.IsLink)];
        if (Settings is not null && links.Length > 0)
        {
            Remote.Refresh(Log, Engine, Settings, links);
        }

        bool[] results = await Task.WhenAll(steps.Select(RunAsync));
        return results.All(result => result);
    }

    private async Task<bool> RunAsync(Step step)
    {
        StepState state = new(step, Directory);
        if (state.IsUpToDate(out string reason))
        {
            return true;
        }

        try
        {
            await s_inFlight.WaitAsync(Remote.Cancellation);
            try
            {
                Log.LogMessage(MessageImportance.Low, "{0}: {1}", step.Description, reason);
                Log.LogMessage(MessageImportance.Normal, "{0}", step.Description);
                Log.LogMessage(MessageImportance.Low, "{0}", string.Join(' ', step.Arguments));
                DateTime began = state.Begin();
                bool isDone = await RunRemotelyAsync(step) ?? await RunLocallyAsync(step);
                if (isDone)
                {
                    state.Succeeded(began);
                }

                return isDone;
            }
            finally
            {
                s_inFlight.Release();
            }
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or Win32Exception)
        {
            Log.LogError("{0}: {1}", step.Description, exception.Message);
            return false;
        }
    }

    // Null: it shall run here.
    private async Task<bool?> RunRemotelyAsync(Step step)
    {
        if (Settings is null)
        {
            return null;
        }

        RemoteAction action = Describe(step);
        RemoteRun.Outcome outcome;
        try
        {
            outcome = await Task.Factory.StartNew(
                () => Remote.ExecuteBeside(Log, Engine, Settings, action), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        catch (TaskSchedulerException exception)
        {
            Log.LogMessage(MessageImportance.Low, "Repr: {0} runs locally: {1}", step.Description, exception.InnerException?.Message);
            return null; // there may be no more threads
        }

        if (outcome.RunLocally)
        {
            return null;
        }

        if (outcome.Verdict is not { } verdict)
        {
            return false;
        }

        RemoteRun.LogUnusualEnd(Log, action, verdict);
        return await ConcludeAsync(step, verdict.Output, verdict.Error, verdict.ExitCode, hasError: verdict.Signal != 0 || verdict.IsTimedOut);
    }

    private RemoteAction Describe(Step step)
    {
        IReadOnlyList<string>? lastTime = step.DependencyFile is null ? null : DependencyFile.TryRead(step.DependencyFile, Directory);
        string[] outputs = [.. step.Outputs, .. step.DependencyFile is null ? [] : new[] { step.DependencyFile }];
        string[] outputDirectories = [.. outputs.Select(output => Path.GetDirectoryName(output)!).Distinct(StringComparer.Ordinal)];
        return new RemoteAction
        {
            Arguments = step.Arguments,
            WorkingDirectory = Directory,
            Environment = Environment,
            Inputs = [.. step.Inputs.Union(lastTime ?? [], StringComparer.Ordinal).Union(step.Listings, StringComparer.Ordinal)],
            VirtualFiles = [],
            OutputFiles = outputs,
            PlaceholderFiles = step.IsIntermediate && Settings!.PlaceholderDirectory.Length > 0
                ? [.. step.Outputs.Where(output => output.StartsWith(Settings.PlaceholderDirectory + Path.DirectorySeparatorChar, StringComparison.Ordinal))]
                : [],
            OutputDirectories = [],
            // What compilers write beside the object file without being asked by name: .dwo, .gcno, .su, temporary files that are kept.
            WriteRoots = outputDirectories,
            ReadRoots = [.. step.ReadRoots, .. step.Inputs, .. outputDirectories, .. SystemRoots.All],
            Derive = true,
            Description = step.Description,
            PredictionKey = $"{step.Description} {step.Outputs[0]}",
            Cache = IsRepeatable(step) ? CacheModes.OfCompiler(Settings!) : Protocol.V1.CacheMode.Off,
        };
    }

    // Visual C++'s tools write the time into what they make, unless they are told not to.
    private static bool IsRepeatable(Step step) =>
        !step.Arguments[0].EndsWith(".exe", StringComparison.OrdinalIgnoreCase) || step.Arguments.Contains("/Brepro", StringComparer.OrdinalIgnoreCase);

    private async Task<bool> RunLocallyAsync(Step step)
    {
        using IDisposable slot = await _slots.Value.EnterAsync(Remote.Cancellation);
        foreach (string old in step.Outputs.Where(output => step.RemovesOutputs || OutputFiles.IsLink(output)))
        {
            File.Delete(old); // the tool would write through a link
        }

        ProcessStartInfo start = new(step.Arguments[0])
        {
            WorkingDirectory = Directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in step.Arguments.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment.Clear();
        foreach ((string name, string value) in Environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            await process.WaitForExitAsync(Remote.Cancellation);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            foreach (string partial in step.Outputs)
            {
                File.Delete(partial);
            }

            throw;
        }

        return await ConcludeAsync(step, await output, await error, process.ExitCode, hasError: false);
    }

    private async Task<bool> ConcludeAsync(Step step, string output, string error, int exitCode, bool hasError)
    {
        await _logging.WaitAsync(CancellationToken.None);
        try
        {
            hasError |= DiagnosticLines.Log(Log, output, Directory);
            hasError |= DiagnosticLines.Log(Log, error, Directory);
            if (exitCode != 0 && !hasError)
            {
                // As ToolTask says it.
                Log.LogError(
                    null, "MSB6006", null, null, 0, 0, 0, 0,
                    "\"{0}\" exited with code {1} ({2}).", Path.GetFileName(step.Arguments[0]), exitCode, step.Description);
            }

            return exitCode == 0;
        }
        finally
        {
            _logging.Release();
        }
    }
}
