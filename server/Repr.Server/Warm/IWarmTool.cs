using Repr.Server.Execution;

namespace Repr.Server.Warm;

/// <summary>
/// A kind of tool of which one process can serve many actions. Knows the tool's command line and its server's language; where the
/// server lives and what it sees is none of its business. Safe for concurrent use.
/// </summary>
internal interface IWarmTool
{
    /// <summary>For people and settings, as in "roslyn".</summary>
    string Name { get; }

    /// <summary>What would serve this command; null: it is no command of this tool, or only a process of its own can run it.</summary>
    WarmPlan? Recognise(Command command);

    /// <summary>Learns from the requester's files what is needed to speak to the server, before it is started.</summary>
    /// <returns>Passed to <see cref="RunAsync"/>; null: this version of the tool has a language that nobody here speaks.</returns>
    /// <exception cref="ReprException">A file could not be had.</exception>
    ValueTask<object?> PrepareAsync(WarmPlan plan, InputTree files, CancellationToken cancellationToken);

    /// <summary>Reads from the command what the server will look at.</summary>
    /// <exception cref="ReprException">A file could not be had.</exception>
    ValueTask<WarmInputs> ReadAsync(Command command, InputTree files, CancellationToken cancellationToken);

    /// <summary>Lets the server run one command.</summary>
    /// <param name="connection">To the server; used for this command alone.</param>
    /// <param name="prepared">What <see cref="PrepareAsync"/> returned.</param>
    /// <param name="command">What to run.</param>
    /// <param name="cancellationToken">Stops the waiting, not the server.</param>
    /// <exception cref="WarmToolException">The server did not run it.</exception>
    /// <exception cref="IOException">The server is gone.</exception>
    ValueTask<WarmVerdict> RunAsync(Stream connection, object prepared, Command command, CancellationToken cancellationToken);
}

/// <summary>How a server is started.</summary>
/// <param name="Server">Its command; it listens on the socket that residents have.</param>
internal sealed record WarmPlan(Command Server);

/// <summary>What a command says about its inputs.</summary>
/// <param name="LoadedFrom">The directories of programs that it lets the server load, besides the server's own.</param>
/// <param name="Certain">
/// Files that the server looks at whatever else happens: as <see cref="ObservedKind.Read"/> those whose content it reads each time, as
/// <see cref="ObservedKind.Stated"/> those that it may have in memory.
/// </param>
internal sealed record WarmInputs(IReadOnlySet<VirtualPath> LoadedFrom, IReadOnlyCollection<ObservedInput> Certain);

/// <summary>How a command ended.</summary>
/// <param name="ExitCode">As a process of its own would have ended.</param>
/// <param name="Output">What it would have written to its standard output.</param>
internal sealed record WarmVerdict(int ExitCode, ReadOnlyMemory<byte> Output);
