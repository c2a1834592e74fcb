using System.CommandLine;
using Repr.Bench;
using Repr.Cases;

Option<string> repository = new("--repository") { Description = "The repository; run.sh says it.", Required = true };
Option<string?> only = new("--only") { Description = "Only the cases whose name contains this; without costs." };
Option<string> tools = new("--tools") { Description = "Which tools.", DefaultValueFactory = _ => string.Join(',', CasesOptions.AllTools) };
Option<bool> skipCases = new("--skip-cases") { Description = "Only the costs." };
Option<bool> skipCosts = new("--skip-costs") { Description = "Only the cases." };
tools.Validators.Add(result =>
{
    foreach (string unknown in result.GetValueOrDefault<string>()!.Split(',').Except(CasesOptions.AllTools))
    {
        result.AddError($"--tools does not know '{unknown}', only {string.Join(", ", CasesOptions.AllTools)}.");
    }
});
RootCommand root = new("Which awkward compiler cases run remotely, and are the results those of a local run?")
{
    repository, only, tools, skipCases, skipCosts,
};
root.SetAction(async (parsed, cancellationToken) =>
{
    InvocationConfiguration console = parsed.InvocationConfiguration;
    CasesOptions options = new(
        parsed.GetRequiredValue(repository),
        parsed.GetValue(only),
        [.. CasesOptions.AllTools.Intersect(parsed.GetValue(tools)!.Split(','))],
        !parsed.GetValue(skipCases),
        !parsed.GetValue(skipCosts) && parsed.GetValue(only) is null);
    try
    {
        return await new Matrix(options, console.Output).RunAsync(cancellationToken) ? 0 : 1;
    }
    catch (BenchException exception)
    {
        await console.Error.WriteLineAsync(exception.Message);
        return 2;
    }
});

// A stop removes what was made on this machine first: processes, control groups, network.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });
