using Repr.Protocol;
using Repr.Server.Execution;
using ReapiAction = Repr.Protocol.Reapi.Action;
using ReapiCommand = Repr.Protocol.Reapi.Command;

namespace Repr.Server.Reapi;

/// <summary>
/// Turns an action of the Remote Execution API, which is a few blobs, into a command and an input mapping as the worker's executor takes
/// them. Everything a client can get wrong is found here, before anything runs. Safe for concurrent use.
/// </summary>
internal sealed class ActionReader(ILocalContentStore store, SystemPaths system, PlatformProperties platform)
{
    private static readonly TimeSpan s_longestTimeout = TimeSpan.FromDays(7);

    // It looks a bare name up in the PATH of the command, as the API asks for.
    private static readonly VirtualPath s_lookup = VirtualPath.Parse("/usr/bin/env");

    /// <summary>Reads the action alone.</summary>
    /// <exception cref="ReapiException">It is missing or malformed.</exception>
    public async ValueTask<ReapiAction> ReadAsync(Digest action, CancellationToken cancellationToken) =>
        await store.ReadMessageAsync(action, ReapiAction.Parser, cancellationToken) ?? throw ReapiException.Missing([action]);

    /// <summary>Reads and checks all that an action needs.</summary>
    /// <param name="action">The action.</param>
    /// <param name="description">For people.</param>
    /// <param name="lease">Keeps what was found in the store; the caller's.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="ReapiException">Something is missing or wrong.</exception>
    /// <exception cref="ReprException">A path or digest is wrong, or the store does not answer.</exception>
    public async Task<PreparedAction> PrepareAsync(
        ReapiAction action, string description, IContentLease lease, CancellationToken cancellationToken)
    {
        Digest commandDigest = action.CommandDigest.ToCore();
        lease.Add(commandDigest);
        ReapiCommand? command = await store.ReadMessageAsync(commandDigest, ReapiCommand.Parser, cancellationToken);

        InputRoot inputs = new(store);
        inputs.Add([new DirectoryFact(VirtualPath.Root, IsComplete: true, 0x1ED, InputRoot.ModifiedNs)]);
        inputs.Add(await Accounts.StoreAsync(store, lease, cancellationToken));
        inputs.Add(system.Facts);
        IReadOnlyCollection<Digest> missing = await inputs.AddTreeAsync(action.InputRootDigest.ToCore(), lease, cancellationToken);
        if (command is null || missing.Count > 0)
        {
            throw ReapiException.Missing(command is null ? [commandDigest, .. missing] : missing);
        }

        platform.Require(action.Platform ?? command.Platform);
        if (command.OutputNodeProperties.Count > 0)
        {
            throw ReapiException.Invalid($"The node property '{command.OutputNodeProperties[0]}' of outputs is not supported.");
        }

        VirtualPath directory = Resolve(InputRoot.Place, command.WorkingDirectory, "working directory");
        List<WantedOutput> outputs = [.. OutputsOf(command, directory)];
        foreach (WantedOutput output in outputs)
        {
            inputs.AddDirectoriesTo(output.Path);
        }

        if (inputs.Facts.GetValueOrDefault(directory) is not (DirectoryFact or SymlinkFact))
        {
            throw ReapiException.Invalid($"The working directory '{command.WorkingDirectory}' is not in the input root.");
        }

        (IReadOnlyList<string> arguments, VirtualPath program) = ArgumentsOf(command, directory);
        Command run = new()
        {
            Arguments = arguments,
            ProgramPath = program,
            WorkingDirectory = directory,
            Environment = EnvironmentOf(command),
            OutputRoots = [.. outputs.Select(output => output.Path).Distinct()],
            CopyRoots = [VirtualPath.Root],
            SystemPaths = system.Mounts,
            Timeout = TimeoutOf(action),
            UserId = Accounts.Id,
            GroupId = Accounts.Id,
        };
        return new PreparedAction(new ActionRequest(run, [.. inputs.Facts.Values], description), inputs, outputs);
    }

    private static IEnumerable<WantedOutput> OutputsOf(ReapiCommand command, VirtualPath directory)
    {
        IEnumerable<(string Text, OutputKind Kind)> outputs = command.OutputPaths.Count > 0
            ? command.OutputPaths.Select(text => (text, OutputKind.Path))
            : command.OutputFiles.Select(text => (text, OutputKind.File))
                .Concat(command.OutputDirectories.Select(text => (text, OutputKind.Directory)));
        return outputs.Select(output => new WantedOutput(output.Text, Resolve(directory, output.Text, "output"), output.Kind));
    }

    // Lexically, as a client does who has not the files in one place.
    private static VirtualPath Resolve(VirtualPath directory, string text, string what)
    {
        VirtualPath path = directory;
        if (text.StartsWith('/'))
        {
            throw ReapiException.Invalid($"The {what} '{text}' is not relative.");
        }

        foreach (string name in text.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            path = name switch { "." => path, ".." => path.Parent, _ => path.Append(name) };
        }

        return path.IsWithin(InputRoot.Place) ? path : throw ReapiException.Invalid($"The {what} '{text}' leads out of the input root.");
    }

    private static (IReadOnlyList<string> Arguments, VirtualPath Program) ArgumentsOf(ReapiCommand command, VirtualPath directory)
    {
        if (command.Arguments.Count == 0 || command.Arguments[0].Length == 0)
        {
            throw ReapiException.Invalid("The command has no arguments; the first is the program.");
        }

        string program = command.Arguments[0];
        if (!program.Contains('/', StringComparison.Ordinal))
        {
            return program.Contains('=', StringComparison.Ordinal) || program.StartsWith('-')
                ? throw ReapiException.Invalid($"The program '{program}' cannot be looked up in PATH; give its path.")
                : ([s_lookup.Text, .. command.Arguments], s_lookup);
        }

        VirtualPath path = program.StartsWith('/') ? VirtualPath.Root : directory;
        foreach (string name in program.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            path = name switch { "." => path, ".." => path.Parent, _ => path.Append(name) };
        }

        return (command.Arguments, path);
    }

    private static Dictionary<string, string> EnvironmentOf(ReapiCommand command)
    {
        Dictionary<string, string> environment = new(StringComparer.Ordinal);
        foreach (ReapiCommand.Types.EnvironmentVariable variable in command.EnvironmentVariables)
        {
            if (variable.Name.Length == 0 || variable.Name.Contains('=', StringComparison.Ordinal))
            {
                throw ReapiException.Invalid($"'{variable.Name}' is not a name that an environment variable can have.");
            }

            environment[variable.Name] = variable.Value;
        }

        return environment;
    }

    private static TimeSpan? TimeoutOf(ReapiAction action)
    {
        if (action.Timeout is not { } timeout || timeout is { Seconds: 0, Nanos: 0 })
        {
            return null;
        }

        return timeout.Seconds >= 0 && timeout.Nanos >= 0 && timeout.Seconds <= (long)s_longestTimeout.TotalSeconds
            ? TimeSpan.FromSeconds(timeout.Seconds) + TimeSpan.FromMicroseconds(timeout.Nanos / 1000.0)
            : throw ReapiException.Invalid($"The timeout of {timeout.Seconds} s is not between 0 and {s_longestTimeout.TotalDays} days.");
    }
}
