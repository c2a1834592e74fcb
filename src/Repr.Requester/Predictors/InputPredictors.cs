using Microsoft.Extensions.Logging;
using Repr.Requester.Actions;

namespace Repr.Requester.Predictors;

/// <summary>
/// All predictors: those of the settings, then those that know compilers. Their guesses add up. One that fails counts as having none.
/// Safe for concurrent use.
/// </summary>
/// <param name="plugins">Those of the settings.</param>
/// <param name="log">Told of failures.</param>
internal sealed partial class InputPredictors(IReadOnlyList<IInputPredictor> plugins, ILogger log)
{
    private static readonly IInputPredictor[] s_builtIn = [new CompilerPredictor(), new RoslynPredictor()];

    /// <summary>What is known of a command whose words have been read.</summary>
    public InputPrediction Predict(CommandLine line, Command command) => Predict(plugins.Concat(s_builtIn), line, command);

    /// <summary>Whether <see cref="PredictOutputs"/> has anybody to ask.</summary>
    public bool HavePlugins => plugins.Count > 0;

    /// <summary>What only the settings' predictors say of its outputs; the others' are known from the words.</summary>
    public IReadOnlyCollection<string> PredictOutputs(CommandLine line, Command command) => Predict(plugins, line, command).Outputs;

    private InputPrediction Predict(IEnumerable<IInputPredictor> predictors, CommandLine line, Command command)
    {
        PredictedCommand predicted = new(command.Program.Text, line.Words, line.WorkingDirectory, command.Environment);
        List<InputPrediction> found = [.. predictors.Select(predictor => TryPredict(predictor, predicted)).OfType<InputPrediction>()];
        return found is [var only] ? only : new InputPrediction
        {
            Files = [.. found.SelectMany(static prediction => prediction.Files)],
            Directories = [.. found.SelectMany(static prediction => prediction.Directories)],
            Outputs = [.. found.SelectMany(static prediction => prediction.Outputs)],
        };
    }

    private InputPrediction? TryPredict(IInputPredictor predictor, PredictedCommand command)
    {
        try
        {
            return predictor.Predict(command);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            Log.Failed(log, predictor.GetType().FullName, command.Program, failure.Message);
            return null;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "The predictor {Predictor} failed for {Program}: {Reason}")]
        public static partial void Failed(ILogger log, string? predictor, string program, string reason);
    }
}
