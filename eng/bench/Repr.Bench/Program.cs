using System.CommandLine;
using Repr.Bench;

Option<string> repository = new("--repository") { Description = "The repository; run.sh says it.", Required = true };
Option<int> rounds = new("--rounds") { Description = "How often each configuration is built.", DefaultValueFactory = _ => 3 };
Option<int> rtt = new("--rtt") { Description = "Milliseconds of round trip to the worker, added by a relay." };
rounds.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int>() < 1)
    {
        result.AddError("--rounds is at least 1.");
    }
});
rtt.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int>() is < 0 or > 10_000)
    {
        result.AddError("--rtt is 0 to 10000 milliseconds.");
    }
});
Option<bool> actions = new("--actions") { Description = "Measure single actions whose tools cost nothing, instead of builds." };
RootCommand root = new("Measures remote builds against local ones side by side.") { repository, rounds, rtt, actions };
root.SetAction(async (parsed, cancellationToken) =>
{
    InvocationConfiguration console = parsed.InvocationConfiguration;
    BenchOptions options = new(parsed.GetRequiredValue(repository), parsed.GetValue(rounds), parsed.GetValue(rtt));
    try
    {
        await (parsed.GetValue(actions)
            ? new ActionBench(options, console.Output).RunAsync(cancellationToken)
            : new Comparison(options, console.Output).RunAsync(cancellationToken));
        return 0;
    }
    catch (BenchException exception)
    {
        await console.Error.WriteLineAsync(exception.Message);
        return 1;
    }
});

// A stop removes what was made on this machine first: processes, control groups.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });
