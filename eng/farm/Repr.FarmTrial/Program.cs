using System.CommandLine;
using Repr.Bench;
using Repr.FarmTrial;

Option<string> repository = new("--repository") { Description = "The repository; run.sh says it.", Required = true };
Option<int> workers = new("--workers") { Description = "How many workers.", DefaultValueFactory = _ => 8 };
Option<int> seconds = new("--seconds") { Description = "For how long work goes on.", DefaultValueFactory = _ => 60 };
Option<int> seed = new("--seed") { Description = "Of all chance.", DefaultValueFactory = _ => 1 };
Argument<string> trial = new("trial") { Description = string.Join(", ", Trials.All.Keys) };
trial.AcceptOnlyFromAmong([.. Trials.All.Keys]);
workers.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int>() is < 1 or > 200)
    {
        result.AddError("--workers is 1 to 200.");
    }
});
RootCommand root = new("Puts a real farm to a trial.") { trial, repository, workers, seconds, seed };
root.SetAction(async (parsed, cancellationToken) =>
{
    InvocationConfiguration console = parsed.InvocationConfiguration;
    TrialOptions options = new(
        parsed.GetRequiredValue(repository), parsed.GetValue(workers), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(seed));
    try
    {
        await Trials.All[parsed.GetRequiredValue(trial)](new Trials(options, console.Output), cancellationToken);
        await console.Output.WriteLineAsync("Passed");
        return 0;
    }
    catch (BenchException exception)
    {
        await console.Error.WriteLineAsync(exception.Message);
        return 1;
    }
});

// A stop removes what was made on this machine first: processes, networks.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(60) });
