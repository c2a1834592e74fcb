using System.CommandLine;
using Repr.Cli;
using Repr.Cli.Exec;

// What follows it is a command of its own, with options of its own.
if (args is ["exec", .. string[] command])
{
    return await ExecCommand.RunAsync(command);
}

RootCommand root = new("Repr runs compilers and other tools of a build on remote workers.")
{
    ServeCommand.Create(),
    RequesterCommand.Create(),
    StatusCommand.Create(),
    ReportCommand.Create(),
    ShutdownCommand.Create(),
};

// SIGTERM and SIGINT cancel the verb, which then ends cleanly; a worker of a farm when its actions have.
ParseResult parsed = root.Parse(args);
TimeSpan patience = TimeSpan.FromSeconds(10) + ServeCommand.DrainTime(parsed);
return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = patience });
