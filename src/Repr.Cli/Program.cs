using System.CommandLine;
using Repr.Cli;

RootCommand root = new("Repr runs compilers and other tools of a build on remote workers.")
{
    ServeCommand.Create(),
    RequesterCommand.Create(),
    StatusCommand.Create(),
    ShutdownCommand.Create(),
};

return await root.Parse(args).InvokeAsync();
