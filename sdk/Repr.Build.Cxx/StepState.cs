using System.Globalization;
using Repr.Requester.Predictors;

namespace Repr.Build.Cxx;

/// <summary>
/// Says whether a step has to run. Beside its main output lies a file with the command line and the program of the run that made it,
/// and the time when that run began: a step is up to date if it would do the same, and nothing that it read has changed since then.
/// </summary>
/// <param name="step">The step.</param>
/// <param name="directory">The project's directory.</param>
internal sealed class StepState(Step step, string directory)
{
    private string StateFile => step.Outputs[0] + ".command";

    /// <summary>True when there is nothing to do. Otherwise the reason, for people.</summary>
    public bool IsUpToDate(out string reason)
    {
        if (step.Outputs.FirstOrDefault(output => !OutputFiles.CanBeRead(output)) is { } missing)
        {
            reason = $"'{missing}' is not there";
            return false;
        }

        string[] state = File.Exists(StateFile) ? File.ReadAllLines(StateFile) : [];
        if (state.Length == 0 || !long.TryParse(state[0], CultureInfo.InvariantCulture, out long began) || !state.Skip(1).SequenceEqual(Command()))
        {
            reason = "the command line or the tool is another one";
            return false;
        }

        IReadOnlyList<string>? read = step.DependencyFile is null ? [] : DependencyFile.TryRead(step.DependencyFile, directory);
        if (read is null)
        {
            reason = $"'{step.DependencyFile}' is not there";
            return false;
        }

        string? changed = step.Inputs.Concat(read).FirstOrDefault(file => !OutputFiles.CanBeRead(file) || File.GetLastWriteTimeUtc(file).Ticks > began);
        reason = $"'{changed}' has changed";
        return changed is null;
    }

    /// <summary>To be called before the step runs: from now on its output is not up to date until <see cref="Succeeded"/>.</summary>
    /// <returns>When it began.</returns>
    public DateTime Begin()
    {
        foreach (string directory in step.Outputs.Append(step.DependencyFile).OfType<string>().Select(path => Path.GetDirectoryName(path)!).Distinct())
        {
            Directory.CreateDirectory(directory);
        }

        File.Delete(StateFile);
        return DateTime.UtcNow;
    }

    /// <summary>The step has made its outputs.</summary>
    public void Succeeded(DateTime began) =>
        File.WriteAllLines(StateFile, [began.Ticks.ToString(CultureInfo.InvariantCulture), .. Command()]);

    // An argument may hold a line feed: it is compared, never run.
    private IEnumerable<string> Command()
    {
        FileInfo program = new(step.Arguments[0]);
        string identity = program.Exists
            ? FormattableString.Invariant($"{program.Length} {program.LastWriteTimeUtc.Ticks}")
            : "";
        return step.Arguments.Prepend(identity).SelectMany(argument => argument.Split('\n'));
    }
}
