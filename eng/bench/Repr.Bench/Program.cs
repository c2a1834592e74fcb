using System.CommandLine;
using Repr.Bench;

// A stop removes what was made on this machine first: processes, control groups, network.
return await CommandLine.Create(RunAsync).Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });

static async Task<int> RunAsync(Subject subject, BenchOptions options, InvocationConfiguration console, CancellationToken cancellationToken)
{
    try
    {
        Directory.CreateDirectory(options.Artifacts);
        using FileStream alone = LockIn(options.Artifacts);
        using Autogroups off = Autogroups.TurnOff();
        bool isGood = true;
        switch (subject)
        {
            case Subject.Actions:
                await new ActionBench(options, console.Output).RunAsync(cancellationToken);
                break;
            case Subject.Elsewhere:
                await new ElsewhereBench(options, console.Output).RunAsync(cancellationToken);
                break;
            case Subject.Workspace:
                await new WorkspaceBench(options, console.Output).RunAsync(cancellationToken);
                break;
            default:
                isGood = await new Referee(options, console.Output).RunAsync(cancellationToken);
                break;
        }

        return isGood ? 0 : 1;
    }
    catch (BenchException exception)
    {
        await console.Error.WriteLineAsync(exception.Message);
        return 2;
    }
}

// Two runs would take away each other's files, and time.
static FileStream LockIn(string directory)
{
    try
    {
        return new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
    }
    catch (IOException)
    {
        throw new BenchException($"Another run uses {directory}: wait for its end.");
    }
}
