using System.Collections.Concurrent;
using Repr.Protocol;
using Repr.Server.Tests.Sessions;

namespace Repr.Windows.Tests;

using Repr.Protocol.V1; // here, so that it hides the types of Repr with the same names

/// <summary>
/// A requester on Linux that has drives: "/C:/src/x" is the file C/src/x of a directory, whatever its case. It speaks to the worker as
/// protos/ specifies, and knows what it was asked.
/// </summary>
internal sealed class WindowsRequester : IAsyncDisposable
{
    private const int FileMode = 0x1A4;
    private const int DirectoryMode = 0x1ED;

    private readonly string _root = Directory.CreateTempSubdirectory("repr-requester-").FullName;
    private readonly TestRequester _wire;
    private long _lastAction;

    private WindowsRequester(string address)
    {
        _wire = new TestRequester(address) { Override = Answer };
    }

    /// <summary>Paths that were asked about, for each kind of question.</summary>
    public ConcurrentQueue<(FileQuestion.Types.Kind Kind, string Path)> Questions => _wire.Questions;

    /// <summary>What the worker said at the start.</summary>
    public Welcome Welcome { get; private set; } = new();

    /// <summary>What the requester itself holds of a path: "C:\src\x".</summary>
    public string Local(string path) => Path.Combine([_root, path[..1], .. path[3..].Split('\\', StringSplitOptions.RemoveEmptyEntries)]);

    public static async Task<WindowsRequester> ConnectAsync(string address)
    {
        WindowsRequester requester = new(address);
        WorkerMessage first = await requester._wire.SendFirstAsync(TestRequester.Hello(style: PathStyle.Windows));
        requester.Welcome = first.Welcome;
        return requester;
    }

    /// <summary>Adds a file.</summary>
    public WindowsRequester Add(string path, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Local(path))!);
        File.WriteAllBytes(Local(path), content);
        return this;
    }

    /// <summary>Adds a file.</summary>
    public WindowsRequester Add(string path, string content) => Add(path, System.Text.Encoding.UTF8.GetBytes(content));

    /// <summary>A file as a fact of an input mapping, with its content in the store.</summary>
    public async Task<InputFact> MapAsync(string path)
    {
        byte[] content = await File.ReadAllBytesAsync(Local(path));
        await _wire.UploadAsync(content);
        return new InputFact { Path = WindowsPath.Parse(path).Text, File = new FileFact { SizeBytes = content.Length, Mode = FileMode, Digest = Repr.Digest.Compute(content).ToWire() } };
    }

    /// <summary>Runs a tool.</summary>
    public async Task<Outcome> RunAsync(Command command, params InputFact[] mapped)
    {
        ulong id = (ulong)Interlocked.Increment(ref _lastAction);
        int asked = Questions.Count;
        Execute execute = new() { ActionId = id, Command = command, Description = command.Arguments[0] };
        execute.Inputs.AddRange(mapped);
        Completed completed = await _wire.ExecuteAsync(execute).WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken);
        Dictionary<string, byte[]> contents = [];
        foreach (Output output in completed.Outputs.Where(static output => output.File is not null))
        {
            contents[output.Path] = output.File.Digest.SizeBytes == 0 ? [] : await _wire.DownloadAsync(output.File.Digest);
        }

        string[] text = [.. _wire.Texts.Where(text => text.ActionId == id).Select(static text => text.Data.ToStringUtf8())];
        return new Outcome(completed, string.Concat(text).ReplaceLineEndings("\n"), [.. Questions.Skip(asked)], contents);
    }

    /// <summary>Sends something while an action runs.</summary>
    public Task SendAsync(RequesterMessage message) => _wire.SendAsync(message);

    /// <summary>Cancels an action.</summary>
    public Task CancelAsync(ulong action) => SendAsync(new RequesterMessage { Cancel = new Cancel { ActionId = action } });

    /// <summary>Waits until a tool has said something.</summary>
    public async Task WaitForTextAsync(string text)
    {
        while (!_wire.Texts.Any(said => said.Data.ToStringUtf8().Contains(text, StringComparison.Ordinal)))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Number of the action that was started last.</summary>
    public ulong LastAction => (ulong)Interlocked.Read(ref _lastAction);

    /// <summary>A command of a requester on Windows.</summary>
    public static Command Command(string program, string directory, string[] arguments, params string[] outputs)
    {
        Command command = new() { WorkingDirectory = WindowsPath.Parse(directory).Text, Umask = 0x12 };
        command.Arguments.Add(WindowsPath.Parse(program).Text);
        command.Arguments.AddRange(arguments);
        command.OutputRoots.AddRange(outputs.Select(static path => WindowsPath.Parse(path).Text));
        command.Environment["TEMP"] = command.Environment["TMP"] = @"C:\Users\ana\Temp";
        return command;
    }

    public async ValueTask DisposeAsync()
    {
        await _wire.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    private FileAnswer Answer(FileQuestion question)
    {
        if (question.Kind == FileQuestion.Types.Kind.Listing)
        {
            Listing listing = new();
            string? directory = Find(question.Path);
            foreach (string entry in directory is null ? [] : Directory.EnumerateFileSystemEntries(directory))
            {
                string name = Path.GetFileName(entry);
                listing.Entries.Add(Describe(question.Path == "/" ? $"/{name}:" : $"{question.Path}/{name}", entry));
            }

            return new FileAnswer { Listing = listing };
        }

        InputFact fact = Describe(question.Path, Find(question.Path));
        if (fact.FactCase == InputFact.FactOneofCase.File && question.Kind == FileQuestion.Types.Kind.Content)
        {
            byte[] content = File.ReadAllBytes(Find(question.Path)!);
            _wire.UploadAsync(content).GetAwaiter().GetResult(); // this requester answers each question on a thread of its own
            fact.File.Digest = Repr.Digest.Compute(content).ToWire();
        }

        return new FileAnswer { Entry = fact };
    }

    // As a file system of Windows finds names: in any case.
    private string? Find(string path)
    {
        string place = _root;
        foreach (string name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            string wanted = place == _root ? name.TrimEnd(':') : name;
            string? found = Directory.Exists(place)
                ? Directory.EnumerateFileSystemEntries(place).FirstOrDefault(entry => Path.GetFileName(entry).Equals(wanted, StringComparison.OrdinalIgnoreCase))
                : null;
            if (found is null)
            {
                return null;
            }

            place = found;
        }

        return place;
    }

    private static InputFact Describe(string path, string? local)
    {
        InputFact fact = new() { Path = path };
        if (local is null)
        {
            fact.Absent = new AbsentFact();
        }
        else if (Directory.Exists(local))
        {
            fact.Directory = new DirectoryFact { Mode = DirectoryMode };
        }
        else
        {
            fact.File = new FileFact { SizeBytes = new FileInfo(local).Length, Mode = FileMode };
        }

        return fact;
    }

    /// <summary>How an action went.</summary>
    internal sealed record Outcome(
        Completed Completed, string Text, IReadOnlyList<(FileQuestion.Types.Kind Kind, string Path)> Questions, IReadOnlyDictionary<string, byte[]> Contents)
    {
        /// <summary>The exit code; fails when there is none.</summary>
        public int Code
        {
            get
            {
                Assert.True(Completed.Exit?.HowCase == Exit.HowOneofCase.Code, $"{Completed.Failure}{Completed.Exit}\n{Text}");
                return Completed.Exit.Code;
            }
        }

        /// <summary>Paths of questions of one kind, in order.</summary>
        public string[] Asked(FileQuestion.Types.Kind kind) =>
            [.. Questions.Where(question => question.Kind == kind).Select(static question => question.Path).Order(StringComparer.Ordinal)];
    }
}
