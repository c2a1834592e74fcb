namespace Repr;

/// <summary>
/// Guesses what a command will look at and write, before it has run for the first time. A guess that is missing is asked back, one that
/// is wrong costs a look: neither changes what the command does, except for <see cref="InputPrediction.Outputs"/>. Asked for commands
/// whose caller names no inputs (<c>repr exec</c>, <c>Exec</c>). Safe for concurrent use; may look at the disk, changes nothing.
/// </summary>
public interface IInputPredictor
{
    /// <summary>Guesses.</summary>
    /// <param name="command">The command.</param>
    /// <returns>Null: it knows nothing of such commands.</returns>
    InputPrediction? Predict(PredictedCommand command);
}

/// <summary>A command as a predictor sees it. Immutable.</summary>
/// <param name="Program">The absolute path of the program.</param>
/// <param name="Words">Its arguments without the program; response files ("@file") are replaced by the words in them.</param>
/// <param name="WorkingDirectory">Where it starts. Absolute.</param>
/// <param name="Environment">Its environment.</param>
public sealed record PredictedCommand(
    string Program, IReadOnlyList<string> Words, string WorkingDirectory, IReadOnlyDictionary<string, string> Environment);

/// <summary>What a command will look at and write. Paths are absolute and need not exist; what may not be read is left out later.</summary>
public sealed record InputPrediction
{
    /// <summary>Files that it will open.</summary>
    public IReadOnlyCollection<string> Files { get; init; } = [];

    /// <summary>Directories in which it will look for names: their listing answers for those that are not there.</summary>
    public IReadOnlyCollection<string> Directories { get; init; } = [];

    /// <summary>
    /// Files that it writes without reading them first: they are not there when it starts, whatever was there before. Only needed for
    /// those outside of the directories that it may change anyway.
    /// </summary>
    public IReadOnlyCollection<string> Outputs { get; init; } = [];
}
