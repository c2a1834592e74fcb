using System.Collections;
using Repr.Protocol.V1;
using Repr.Requester.Door;
using Wire = Repr.Protocol.V1;

namespace Repr.Cli.Exec;

/// <summary>
/// <c>repr exec</c> where its front in C is not (Windows): one command on a worker, or here. A terminal stays this machine's: the tool sees
/// pipes. Ctrl-C ends the command.
/// </summary>
internal static class ExecCommand
{
    private const int MalformedExit = 2;
    private const int TimedOutExit = 124;
    private const int NotRunExit = 125;

    // A process that dies closes its connections before its door.
    private static readonly TimeSpan s_death = TimeSpan.FromMilliseconds(250);

    private const string Usage = """
        Usage: repr exec [options] [--] command [arguments]

        Runs a command on a worker, as if it ran here; without an endpoint, it runs here.

          --endpoint URL    the worker, as in http://127.0.0.1:7070 [REPR_ENDPOINT]
          --read-root DIR   the worker may read below it [REPR_READ_ROOTS]
          --write-root DIR  the command may change what is below it [REPR_WRITE_ROOTS]
          --input PATH      a file that the command reads: a hint
          --output PATH     a file or directory that the command writes: a hint
          --no-stdin        the command's standard input is empty
          --cache MODE      off, read, readwrite or verify: whether a known result will do [REPR_CACHE]
          --placement WHERE remote, race (on a second worker too if it takes long) or auto (and here if
                            that is faster) [REPR_PLACEMENT]
          --download MODE   all, or minimal: object files of compiles stay on the worker; on Linux only [REPR_DOWNLOAD]
          --fail            do not run it here if it cannot run on the worker [REPR_FALLBACK=fail]
          --build-id ID     names the build record [REPR_BUILD_ID]
          --help            this text

        The exit code is the command's. 124: it ran too long; 125: it could not be run on the worker; 2: malformed options.
        """;

    /// <summary>Runs it.</summary>
    /// <returns>The exit code of this process.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        ExecOptions options;
        try
        {
            options = ExecOptions.Read(arguments, name => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null);
        }
        catch (FormatException malformed)
        {
            await Console.Error.WriteLineAsync($"repr exec: {malformed.Message} See 'repr exec --help'.");
            return MalformedExit;
        }

        if (options.IsHelp)
        {
            await Console.Out.WriteLineAsync(Usage);
            return 0;
        }

        using StandardInput input = new(options);
        return options.Endpoint is null ? await LocalRun.RunAsync(options.Command, input) : await RunRemotelyAsync(options, input);
    }

    private static async Task<int> RunRemotelyAsync(ExecOptions options, StandardInput input)
    {
        using CancellationTokenSource interrupted = new();
        using ConsoleInterrupt interrupt = new(interrupted);
        try
        {
            for (bool isFirst = true; ; isFirst = false)
            {
                await using Answer answer = await AskAsync(options, input, interrupted.Token);
                if (answer.Done is { } verdict)
                {
                    return await EndAsync(options, verdict);
                }

                // Its process died: nothing was written, and nobody has seen anything of it. The next process may have more luck.
                if (!isFirst || !answer.IsLost || answer.HasPassedText || input.IsLost)
                {
                    return answer.NotRun!.Cancelled ? ConsoleInterrupt.ExitCode : await FallBackAsync(options, input, answer, interrupt);
                }

                await Task.Delay(s_death, interrupted.Token);
            }
        }
        catch (OperationCanceledException)
        {
            return ConsoleInterrupt.ExitCode;
        }
    }

    private static async Task<Answer> AskAsync(ExecOptions options, StandardInput input, CancellationToken interrupted)
    {
        bool hasPassedText = false;
        Stream? door = null;
        try
        {
            door = await RequesterStarter.ConnectAsync(DoorPaths.FindDoor(Product.Assembly), Product.Program, interrupted);
            await DoorClient.SendAsync(door, new DoorRequest { Run = Describe(options, input) }, interrupted);
            using CancellationTokenSource done = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
            Task forwarding = input.ForwardAsync(door, done.Token);
            DoorReply? reply;
            try
            {
                while ((reply = await DoorClient.ReadAsync(door, interrupted))?.Text is { } text)
                {
                    hasPassedText = true;
                    await ConsoleText.WriteAsync(text, interrupted);
                }
            }
            finally
            {
                // The next run reads what is left of the input, and alone.
                await done.CancelAsync();
                await forwarding;
            }

            NotRun? notRun = reply?.Done is not null ? null : reply?.NotRun ?? Gone(reply?.WrongVersion is { } wrong
                ? $"It is version {wrong.ProductVersion}, this is {Requester.RequesterOptions.ProductVersion}; run 'repr shutdown'."
                : "It went away; see requester.log in the cache directory.");
            return new Answer(door, reply?.Done, notRun, hasPassedText, IsLost: reply is null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            string what = door is null ? "could not be reached" : "went away";
            return new Answer(door, null, Gone($"It {what}: {exception.Message.TrimEnd('.')}."), hasPassedText, IsLost: door is not null);
        }
        catch (InvalidDataException exception)
        {
            return new Answer(door, null, Gone($"It sent something malformed: {exception.Message.TrimEnd('.')}."), hasPassedText, IsLost: false);
        }
        catch
        {
            await (door?.DisposeAsync() ?? ValueTask.CompletedTask);
            throw;
        }
    }

    private static NotRun Gone(string what) => new() { Code = "REPR1301", Message = $"The requester process does not answer. {what}" };

    private static Run Describe(ExecOptions options, StandardInput input)
    {
        Run run = new()
        {
            Endpoint = options.Endpoint!,
            Command = new Wire.Command { WorkingDirectory = Environment.CurrentDirectory, TakesInput = input.IsTaken },
            BuildId = options.BuildId,
            LiveText = true,
            Derive = true,
            QueueLocally = true,
            Cache = options.Cache,
            Placement = options.Placement,
            PlaceholderObjects = options.MinimalDownload,
            TraceParent = Environment.GetEnvironmentVariable("TRACEPARENT") ?? "",
        };
        run.Command.Arguments.AddRange(options.Command);
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            // "=C:" and its kin are the current directories of drives.
            if (variable is { Key: string { Length: > 0 } name, Value: string value } && name[0] != '=')
            {
                run.Command.Environment[name] = value;
            }
        }

        run.Inputs.AddRange(options.Inputs);
        run.ReadRoots.AddRange(options.ReadRoots);
        run.WriteRoots.AddRange(options.WriteRoots);
        foreach (string output in options.Outputs)
        {
            (Directory.Exists(output) ? run.WriteRoots : run.OutputFiles).Add(output);
        }

        return run;
    }

    private static async Task<int> EndAsync(ExecOptions options, Done verdict)
    {
        foreach (Warning warning in verdict.Warnings.Where(warning => !SaidBefore.Check(warning.Code, options.BuildId)))
        {
            await Console.Error.WriteLineAsync($"repr: warning {warning.Code}: {warning.Message}");
        }

        if (verdict.HowCase == Done.HowOneofCase.TimedOut)
        {
            await Console.Error.WriteLineAsync("repr: error REPR2402: the command ran longer than it may.");
            return TimedOutExit;
        }

        return verdict.HowCase == Done.HowOneofCase.Signal ? 128 + verdict.Signal : verdict.Code;
    }

    private static async Task<int> FallBackAsync(
        ExecOptions options, StandardInput input, Answer answer, ConsoleInterrupt interrupt)
    {
        NotRun notRun = answer.NotRun!;
        bool hasPassedText = answer.HasPassedText || notRun.TextPassedOn;
        string message = notRun.Message.TrimEnd('.');
        string program = options.Command[0];
        if (options.Fail)
        {
            await Console.Error.WriteLineAsync($"repr: error {notRun.Code}: {message}.");
            return NotRunExit;
        }

        if (input.IsLost)
        {
            await Console.Error.WriteLineAsync(
                $"repr: error {notRun.Code}: {message}; '{program}' cannot run here either, since its input was read already.");
            return NotRunExit;
        }

        if (notRun.ByChoice && !hasPassedText)
        {
            // Nothing went wrong.
        }
        else if (hasPassedText)
        {
            await Console.Error.WriteLineAsync($"repr: warning {notRun.Code}: {message}; '{program}' runs here instead, and its output starts again.");
        }
        else if (!SaidBefore.Check(notRun.Code, options.BuildId))
        {
            await Console.Error.WriteLineAsync(
                $"repr: warning {notRun.Code}: {message}; '{program}' runs here instead, and so does whatever else meets this.");
        }

        interrupt.LeaveToChild();
        return await LocalRun.RunAsync(options.Command, input);
    }

    /// <summary>What became of a request.</summary>
    /// <param name="Door">The connection, if there is one: open, it holds the command's place among all that runs here.</param>
    /// <param name="Done">The command ran.</param>
    /// <param name="NotRun">It has no verdict: what is set if <paramref name="Done"/> is not.</param>
    /// <param name="HasPassedText">The user has seen text of it.</param>
    /// <param name="IsLost">The connection ended without a word about the outcome.</param>
    private sealed record Answer(Stream? Door, Done? Done, NotRun? NotRun, bool HasPassedText, bool IsLost) : IAsyncDisposable
    {
        /// <inheritdoc/>
        public ValueTask DisposeAsync() => Door?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
