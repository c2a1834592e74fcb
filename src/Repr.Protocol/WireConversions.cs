using System.Text;
using Google.Protobuf;

namespace Repr.Protocol;

/// <summary>
/// The only place where messages of repr.v1 become types of Repr.Core and back. Everything that arrives is validated here: a
/// value that <c>ToCore</c> returns can't be degenerate. All members are pure and safe for concurrent use.
/// </summary>
public static partial class WireConversions
{
    /// <summary>Major version of protos/repr/v1 that this build speaks.</summary>
    public const uint ProtocolMajor = 1;

    /// <summary>Minor version of protos/repr/v1 that this build speaks.</summary>
    public const uint ProtocolMinor = 3;

    private const int PermissionBits = 0xFFF; // 0o7777

    /// <summary>Writes a digest.</summary>
    public static V1.Digest ToWire(this Digest digest)
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        digest.CopyHashTo(hash);
        return new V1.Digest { Sha256 = ByteString.CopyFrom(hash), SizeBytes = digest.SizeBytes };
    }

    /// <summary>Reads a digest.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: unset, not 32 bytes, or a negative size.</exception>
    public static Digest ToCore(this V1.Digest? digest) =>
        digest is null || digest.Sha256.Length != Digest.HashLength || digest.SizeBytes < 0
            ? throw Invalid($"A digest has {Digest.HashLength} bytes and a size; this one has {digest?.Sha256.Length ?? 0} bytes and size {digest?.SizeBytes ?? 0}.")
            : new Digest(digest.Sha256.Span, digest.SizeBytes);

    /// <summary>Writes a command.</summary>
    public static V1.Command ToWire(this Command command)
    {
        ArgumentNullException.ThrowIfNull(command);
        V1.Command wire = new()
        {
            WorkingDirectory = command.WorkingDirectory.Text,
            TimeoutMs = command.Timeout is { } timeout ? Math.Max(1, (long)timeout.TotalMilliseconds) : 0,
            Uid = command.UserId,
            Gid = command.GroupId,
            Umask = command.Umask,
            TakesInput = command.TakesInput,
            Terminal = command.Terminal?.ToWire(),
            Program = command.ProgramPath?.Text ?? "",
        };
        wire.Arguments.AddRange(command.Arguments);
        wire.OutputRoots.AddRange(command.OutputRoots.Select(path => path.Text));
        wire.CopyRoots.AddRange(command.CopyRoots.Select(path => path.Text));
        foreach ((string name, string value) in command.Environment)
        {
            wire.Environment.Add(name, value);
        }

        return wire;
    }

    /// <summary>Reads a command.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: something in it is missing or malformed.</exception>
    public static Command ToCore(this V1.Command? command)
    {
        if (command is null || command.Arguments.Count == 0)
        {
            throw Invalid("A command has at least one argument, the path of the program.");
        }

        VirtualPath program = VirtualPath.Parse(command.Program.Length > 0 ? command.Program : command.Arguments[0]);
        if (command.Arguments.Any(HasNul) || command.Environment.Any(pair => !IsEnvironmentName(pair.Key) || HasNul(pair.Value)))
        {
            throw Invalid("Arguments and environment have no NUL characters, and names of variables are not empty and have no '='.");
        }

        if (command.TimeoutMs is < 0 or > int.MaxValue)
        {
            throw Invalid($"A time-out is between 0 and {int.MaxValue} ms, not {command.TimeoutMs}.");
        }

        return new Command
        {
            Arguments = [.. command.Arguments],
            WorkingDirectory = VirtualPath.Parse(command.WorkingDirectory),
            Environment = new Dictionary<string, string>(command.Environment, StringComparer.Ordinal),
            OutputRoots = [.. command.OutputRoots.Select(VirtualPath.Parse)],
            CopyRoots = [.. command.CopyRoots.Select(VirtualPath.Parse)],
            Timeout = command.TimeoutMs == 0 ? null : TimeSpan.FromMilliseconds(command.TimeoutMs),
            UserId = command.Uid,
            GroupId = command.Gid,
            Umask = command.Umask & PermissionBits,
            TakesInput = command.TakesInput,
            Terminal = command.Terminal is { } terminal ? terminal.ToCore(command.TakesInput) : null,
            ProgramPath = command.Program.Length > 0 ? program : null,
        };
    }

    /// <summary>Writes a fact.</summary>
    public static V1.InputFact ToWire(this InputFact fact)
    {
        ArgumentNullException.ThrowIfNull(fact);
        V1.InputFact wire = new() { Path = fact.Path.Text };
        switch (fact)
        {
            case FileFact file:
                wire.File = new V1.FileFact
                {
                    Digest = file.Digest?.ToWire(),
                    SizeBytes = file.SizeBytes,
                    Mode = (uint)file.Mode,
                    ModifiedNs = file.ModifiedNs,
                };
                break;
            case DirectoryFact directory:
                wire.Directory = new V1.DirectoryFact
                {
                    Complete = directory.IsComplete,
                    Mode = (uint)directory.Mode,
                    ModifiedNs = directory.ModifiedNs,
                };
                break;
            case SymlinkFact link:
                wire.SymlinkTarget = link.Target;
                break;
            case AbsentFact:
                wire.Absent = new V1.AbsentFact();
                break;
            default:
                throw new ArgumentException($"Unknown fact {fact.GetType()}.", nameof(fact));
        }

        return wire;
    }

    /// <summary>Reads a fact.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: something in it is missing or malformed.</exception>
    public static InputFact ToCore(this V1.InputFact? fact)
    {
        VirtualPath path = VirtualPath.Parse(fact?.Path);
        switch (fact!.FactCase)
        {
            case V1.InputFact.FactOneofCase.File:
                Digest? digest = fact.File.Digest is { } wire ? wire.ToCore() : null;
                if (fact.File.SizeBytes < 0 || (digest is { } known && known.SizeBytes != fact.File.SizeBytes))
                {
                    throw Invalid($"The size {fact.File.SizeBytes} of '{path}' is not that of its digest.");
                }

                return new FileFact(path, digest, fact.File.SizeBytes, Mode(fact.File.Mode), fact.File.ModifiedNs);
            case V1.InputFact.FactOneofCase.Directory:
                return new DirectoryFact(path, fact.Directory.Complete, Mode(fact.Directory.Mode), fact.Directory.ModifiedNs);
            case V1.InputFact.FactOneofCase.SymlinkTarget:
                return new SymlinkFact(path, LinkTarget(path, fact.SymlinkTarget));
            case V1.InputFact.FactOneofCase.Absent:
                return new AbsentFact(path);
            default:
                throw Invalid($"The fact for '{path}' says nothing.");
        }
    }

    /// <summary>Writes an output.</summary>
    public static V1.Output ToWire(this ActionOutput output)
    {
        ArgumentNullException.ThrowIfNull(output);
        V1.Output wire = new() { Path = output.Path.Text };
        switch (output)
        {
            case FileOutput file:
                wire.File = new V1.OutputFile { Digest = file.Digest.ToWire(), Mode = (uint)file.Mode };
                break;
            case DirectoryOutput directory:
                wire.Directory = new V1.OutputDirectory { Mode = (uint)directory.Mode };
                break;
            case SymlinkOutput link:
                wire.SymlinkTarget = link.Target;
                break;
            case DeletedOutput:
                wire.Deleted = new V1.OutputDeleted();
                break;
            default:
                throw new ArgumentException($"Unknown output {output.GetType()}.", nameof(output));
        }

        return wire;
    }

    /// <summary>Reads an output. Says nothing about whether its path was declared.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: something in it is missing or malformed.</exception>
    public static ActionOutput ToCore(this V1.Output? output)
    {
        VirtualPath path = VirtualPath.Parse(output?.Path);
        return output!.ChangeCase switch
        {
            V1.Output.ChangeOneofCase.File => new FileOutput(path, output.File.Digest.ToCore(), Mode(output.File.Mode)),
            V1.Output.ChangeOneofCase.Directory => new DirectoryOutput(path, Mode(output.Directory.Mode)),
            V1.Output.ChangeOneofCase.SymlinkTarget => new SymlinkOutput(path, LinkTarget(path, output.SymlinkTarget)),
            V1.Output.ChangeOneofCase.Deleted => new DeletedOutput(path),
            _ => throw Invalid($"The output '{path}' says nothing."),
        };
    }

    /// <summary>Writes an observed input.</summary>
    public static V1.ObservedInput ToWire(this ObservedInput input) =>
        new() { Path = input.Path.Text, Kind = (V1.ObservedInput.Types.Kind)input.Kind };

    /// <summary>Reads an observed input.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: the path or the kind is malformed.</exception>
    public static ObservedInput ToCore(this V1.ObservedInput? input)
    {
        VirtualPath path = VirtualPath.Parse(input?.Path);
        ObservedKind kind = (ObservedKind)input!.Kind;
        return Enum.IsDefined(kind) ? new ObservedInput(path, kind) : throw Invalid($"'{path}' was observed in an unknown way.");
    }

    /// <summary>Writes timings.</summary>
    public static V1.Timings ToWire(this ActionTimings timings) => new()
    {
        QueueMs = timings.QueueMs,
        SetupMs = timings.SetupMs,
        ToolMs = timings.ToolMs,
        QuestionsMs = timings.QuestionsMs,
        CollectMs = timings.CollectMs,
        ToolCpuMs = timings.ToolCpuMs,
        ToolPeakBytes = timings.ToolPeakBytes,
    };

    /// <summary>Reads timings; unset means zero.</summary>
    public static ActionTimings ToCore(this V1.Timings? timings) => timings is null
        ? default
        : new(timings.QueueMs, timings.SetupMs, timings.ToolMs, timings.QuestionsMs, timings.CollectMs, timings.ToolCpuMs, timings.ToolPeakBytes);

    /// <summary>Writes a verdict.</summary>
    public static V1.Exit ToWire(this ToolExit exit) => exit.Kind switch
    {
        ExitKind.Code => new V1.Exit { Code = exit.Value },
        ExitKind.Signal => new V1.Exit { Signal = exit.Value },
        _ => new V1.Exit { TimedOut = true },
    };

    /// <summary>Reads a verdict.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: it says nothing.</exception>
    public static ToolExit ToCore(this V1.Exit? exit) => exit?.HowCase switch
    {
        V1.Exit.HowOneofCase.Code => new ToolExit(ExitKind.Code, exit.Code),
        V1.Exit.HowOneofCase.Signal => new ToolExit(ExitKind.Signal, exit.Signal),
        V1.Exit.HowOneofCase.TimedOut => new ToolExit(ExitKind.TimedOut, 0),
        _ => throw Invalid("The worker's verdict says nothing."),
    };

    /// <summary>Writes an infrastructure failure.</summary>
    public static V1.Failure ToWire(this ReprException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return new V1.Failure { Code = (V1.FailureCode)failure.Code, Message = failure.Message };
    }

    /// <summary>Reads an infrastructure failure; an unknown code is an internal one.</summary>
    public static ReprException ToCore(this V1.Failure failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return ToException(failure.Code, failure.Message);
    }

    /// <summary>Reads a refusal; an unknown code is an internal one.</summary>
    public static ReprException ToCore(this V1.Refusal refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        return ToException(refusal.Code, refusal.Message);
    }

    /// <summary>Writes a result as the end of an action.</summary>
    public static V1.Completed ToWire(this ActionResult result, ulong actionId)
    {
        ArgumentNullException.ThrowIfNull(result);
        V1.Completed wire = new()
        {
            ActionId = actionId,
            Exit = result.Exit.ToWire(),
            Timings = result.Timings.ToWire(),
            Questions = (uint)result.Questions,
        };
        wire.Outputs.AddRange(result.Outputs.Select(ToWire));
        wire.UndeclaredWrites.AddRange(result.UndeclaredWrites.Select(path => path.Text));
        wire.ObservedInputs.AddRange(result.ObservedInputs.Select(ToWire));
        wire.AddCaching(result);
        return wire;
    }

    /// <summary>Reads the end of an action that has a verdict.</summary>
    /// <exception cref="ReprException">
    /// The failure that the worker reported, or <see cref="ReprErrorCode.InvalidRequest"/>: the message is malformed.
    /// </exception>
    public static ActionResult ToCore(this V1.Completed completed)
    {
        ArgumentNullException.ThrowIfNull(completed);
        if (completed.OutcomeCase == V1.Completed.OutcomeOneofCase.Failure)
        {
            throw completed.Failure.ToCore();
        }

        return new ActionResult
        {
            Exit = completed.Exit.ToCore(),
            Outputs = [.. completed.Outputs.Select(ToCore)],
            UndeclaredWrites = [.. completed.UndeclaredWrites.Select(VirtualPath.Parse)],
            ObservedInputs = [.. completed.ObservedInputs.Select(ToCore)],
            ObservedSet = completed.ObservedSet is { } set ? set.ToCore() : null,
            Timings = completed.Timings.ToCore(),
            Questions = (int)Math.Min(completed.Questions, int.MaxValue),
            Cached = completed.Cached?.ToCore(),
            IsKnown = completed.IsKnown,
            CacheMiss = completed.CacheMiss is { Length: > 0 } miss ? miss : null,
            NotRepeatable = [.. completed.NotRepeatable],
        };
    }

    private static ReprException ToException(V1.FailureCode code, string message)
    {
        ReprErrorCode core = (ReprErrorCode)code;
        return new ReprException(Enum.IsDefined(core) ? core : ReprErrorCode.Internal, message);
    }

    private static string LinkTarget(VirtualPath path, string target) =>
        target.Length > 0 && Encoding.UTF8.GetByteCount(target) <= VirtualPath.MaximumLength && !HasNul(target)
            ? target
            : throw Invalid($"The target of the link '{path}' is empty, too long or has a NUL character.");

    private static int Mode(uint mode) => (int)(mode & PermissionBits);

    private static bool HasNul(string text) => text.Contains('\0', StringComparison.Ordinal);

    private static bool IsEnvironmentName(string name) => name.Length > 0 && !HasNul(name) && !name.Contains('=', StringComparison.Ordinal);

    private static ReprException Invalid(string message) => new(ReprErrorCode.InvalidRequest, message);
}
