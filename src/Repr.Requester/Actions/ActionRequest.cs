using Repr.Protocol;
using Repr.Requester.Discovery;
using Repr.Requester.Farm;
using Repr.Requester.Files;
using Repr.Requester.Predictors;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>A file that exists only for one action.</summary>
/// <param name="Path">Where the tool sees it.</param>
/// <param name="Content">Its bytes.</param>
internal sealed record VirtualFile(VirtualPath Path, ReadOnlyMemory<byte> Content);

/// <summary>A validated <see cref="Wire.Run"/>: one action as the door's client wants it. Immutable.</summary>
internal sealed record ActionRequest
{
    private static readonly VirtualPath s_tmp = VirtualPath.Parse("/tmp");

    /// <summary>The worker.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>The command; its output roots are still the client's.</summary>
    public required Command Command { get; init; }

    /// <summary>Files that the client knows as inputs.</summary>
    public required IReadOnlyList<VirtualPath> Inputs { get; init; }

    /// <summary>Files that the client believes to be read, for as long as nothing was learned: not the same in each build.</summary>
    public IReadOnlyList<VirtualPath> GuessedInputs { get; init; } = [];

    /// <summary>Files that exist only for this action.</summary>
    public required IReadOnlyList<VirtualFile> VirtualFiles { get; init; }

    /// <summary>Files that may be written.</summary>
    public required IReadOnlyList<VirtualPath> OutputFiles { get; init; }

    /// <summary>Directories in which anything may be written.</summary>
    public required IReadOnlyList<VirtualPath> OutputDirectories { get; init; }

    /// <summary>Directories in which anything may be changed, and whose content the tool sees.</summary>
    public required IReadOnlyList<VirtualPath> WriteRoots { get; init; }

    /// <summary>Outputs that may stay placeholders.</summary>
    public IReadOnlyList<VirtualPath> Placeholders { get; init; } = [];

    /// <summary>What the command line says, if the client knew no more; else null.</summary>
    public required CommandLine? Line { get; init; }

    /// <summary>Files that the command line names as outputs, where they were not declared.</summary>
    public IReadOnlySet<VirtualPath> NamedOutputs { get; init; } = new HashSet<VirtualPath>();

    /// <summary>Pass text on as it comes.</summary>
    public required bool LiveText { get; init; }

    /// <summary>What a worker may ask for.</summary>
    public required IReadOnlyList<VirtualPath> ReadRoots { get; init; }

    /// <summary>For people.</summary>
    public required string Description { get; init; }

    /// <summary>Names what earlier runs observed; empty: nothing is learned.</summary>
    public required string PredictionKey { get; init; }

    /// <summary>What it is called from build to build, where something must be remembered of each: its key, or its description.</summary>
    public string LastingName => PredictionKey.Length > 0 ? PredictionKey : Description;

    /// <summary>Send no mapping.</summary>
    public required bool EmptyMapping { get; init; }

    /// <summary>Groups records; may be empty.</summary>
    public required string BuildId { get; init; }

    /// <summary>Whether a result that the worker knows will do.</summary>
    public required ResultCaching Caching { get; init; }

    /// <summary>Where it may run, as far as there is a choice.</summary>
    public required Wire.Placement Placement { get; init; }

    /// <summary>The run that asks for it, if its client announced it and it is to be remembered for the next time; null: it is not to be, or already is.</summary>
    public Wire.Run? Announced { get; init; }

    /// <summary>How long to wait for a slot; null: as long as it takes.</summary>
    public required TimeSpan? QueueTimeout { get; init; }

    /// <summary>Validates a request.</summary>
    /// <param name="run">The request.</param>
    /// <param name="predictors">Know more of commands than their callers do.</param>
    /// <exception cref="ActionFailureException">The endpoint is malformed, or what the command writes would be lost.</exception>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: anything else is.</exception>
    public static ActionRequest Parse(Wire.Run run, InputPredictors predictors)
    {
        DerivedRun? derived = run.Derive ? RunDerivation.Complete(run, predictors) : null;
        run = NativePaths.ToVirtual(derived?.Run ?? run);
        Command command = run.Command.ToCore();
        (uint user, uint group) = LocalUser.Ids();
        VirtualPath[] writeRoots = [.. run.WriteRoots.Select(VirtualPath.Parse)];
        if (derived is not null)
        {
            RequireVisibleWrites(command.WorkingDirectory, writeRoots);
        }

        return new ActionRequest
        {
            Endpoint = Uri.TryCreate(run.Endpoint, UriKind.Absolute, out Uri? any) && (any == WorkerPool.Any || FarmEndpoint.Is(any)) ? any : ParseEndpoint(run.Endpoint),
            Command = command with
            {
                UserId = user,
                GroupId = group,
                Umask = command.Umask == 0 ? LocalUser.Umask() : command.Umask,
            },
            Inputs = [.. run.Inputs.Select(VirtualPath.Parse)],
            GuessedInputs = [.. run.GuessedInputs.Select(VirtualPath.Parse)],
            VirtualFiles = [.. run.VirtualFiles.Select(file => new VirtualFile(VirtualPath.Parse(file.Path), file.Content.Memory))],
            OutputFiles = [.. run.OutputFiles.Select(VirtualPath.Parse)],
            OutputDirectories = [.. run.OutputDirectories.Select(VirtualPath.Parse)],
            WriteRoots = writeRoots,
            Placeholders = [.. run.PlaceholderFiles.Select(VirtualPath.Parse)],
            Line = derived?.Line,
            NamedOutputs = Disk.ParseAllNative(derived?.Line.Outputs ?? []).ToHashSet(),
            LiveText = run.LiveText,
            ReadRoots = [.. run.ReadRoots.Select(VirtualPath.Parse)],
            Description = run.Description,
            PredictionKey = run.PredictionKey,
            EmptyMapping = run.EmptyMapping,
            BuildId = run.BuildId,
            Caching = run.Cache.ToCore(),
            Placement = run.Placement,
            QueueTimeout = run.QueueTimeoutS == 0 ? null : TimeSpan.FromSeconds(run.QueueTimeoutS),
        };
    }

    /// <summary>Reads the address of a worker, as in "http://host:port".</summary>
    /// <exception cref="ActionFailureException"><see cref="MessageCodes.MalformedEndpoint"/>.</exception>
    public static Uri ParseEndpoint(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? endpoint)
        && endpoint.Scheme is "http" or "https"
        && endpoint.Host.Length > 0
        && endpoint is { AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "" }
            ? endpoint
            : throw new ActionFailureException(
                MessageCodes.MalformedEndpoint,
                ReprErrorCode.InvalidRequest,
                $"The endpoint '{text}' is not of the form http://host:port or https://host:port, nor {WorkerPool.Any}, {FarmEndpoint.Discovered} or {FarmEndpoint.Form}; correct ReprEndpoint.");

    // Elsewhere the worker tells what was written and not returned. /tmp is private there: what is written is gone.
    private static void RequireVisibleWrites(VirtualPath directory, IReadOnlyList<VirtualPath> writeRoots)
    {
        if (directory.IsWithin(s_tmp) && !writeRoots.Any(directory.IsWithin))
        {
            throw new ActionFailureException(
                MessageCodes.WriteLost,
                ReprErrorCode.InvalidRequest,
                $"What the command writes in its working directory '{directory}' would be lost; run it in another one, or name it as a write root.");
        }
    }
}
