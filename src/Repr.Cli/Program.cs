using System.CommandLine;
using Repr.Cli;

RootCommand root = new("Repr runs compilers and other tools of a build on remote workers.")
{
    ServeCommand.Create(),
    RequesterCommand.Create(),
    StatusCommand.Create(),
    ReportCommand.Create(),
    ShutdownCommand.Create(),
};

// SIGTERM and SIGINT cancel the verb, which then ends cleanly.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(10) });
