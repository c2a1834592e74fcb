using System.CommandLine;
using Repr.Cli;

RootCommand root = new("Repr runs compilers and other tools of a build on remote workers.")
{
    RequesterCommand.Create(),
    StatusCommand.Create(),
    ShutdownCommand.Create(),
};

// ServeCommand joins them as soon as there is Repr.Server.Worker.RunAsync.
return await root.Parse(args).InvokeAsync();
