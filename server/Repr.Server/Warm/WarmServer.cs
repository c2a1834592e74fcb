using System.Globalization;
using System.Net.Sockets;
using Repr.Server.Execution;
using Repr.Workspaces.Resident;

namespace Repr.Server.Warm;

/// <summary>What servers must have in common to take each other's place: the tool, its command and its requester.</summary>
/// <param name="Tool">The kind.</param>
/// <param name="Caller">Whose actions it serves: another's never.</param>
/// <param name="Command">The server's command with its environment, identity and umask.</param>
internal sealed record WarmKey(string Tool, string Caller, string Command)
{
    /// <summary>The key of a server.</summary>
    public static WarmKey Of(IWarmTool tool, string caller, Command server) => new(
        tool.Name,
        caller,
        string.Join('\0', [
            .. server.Arguments,
            "",
            .. server.Environment.OrderBy(variable => variable.Key, StringComparer.Ordinal).Select(variable => $"{variable.Key}={variable.Value}"),
            string.Create(CultureInfo.InvariantCulture, $"{server.UserId} {server.GroupId} {server.Umask}"),
        ]));
}

/// <summary>
/// One running server of a tool. Used by one action at a time; whether it may serve an action depends on the programs that it has
/// loaded: they must be those that the action's requester has now.
/// </summary>
internal sealed class WarmServer(WarmKey key, IWarmTool tool, object prepared, int number, IResidentTool resident, long now)
    : IAsyncDisposable
{
    private const int SocketLevel = 1; // SOL_SOCKET
    private const int PeerCredentials = 17; // SO_PEERCRED

    // What it has loaded, as it was read first.
    private readonly Dictionary<VirtualPath, Digest> _loaded = [];
    private readonly HashSet<VirtualPath> _ownDirectories = [];
    private int _processId;

    /// <summary>What it can be used for.</summary>
    public WarmKey Key => key;

    /// <summary>The tool.</summary>
    public IWarmTool Tool => tool;

    /// <summary>Decides on the user it runs as.</summary>
    public int Number => number;

    /// <summary>The process and its sandbox.</summary>
    public IResidentTool Resident => resident;

    /// <summary>When it was used last, a time stamp of the time provider.</summary>
    public long LastUsed { get; set; } = now;

    /// <summary>Actions that it has served.</summary>
    public int Served { get; private set; }

    /// <summary>What it has loaded, of its own and of what an action lets it load: part of what that action depends on.</summary>
    /// <param name="loadedFrom">Where else the action lets it load programs.</param>
    public IEnumerable<VirtualPath> LoadedBy(IReadOnlySet<VirtualPath> loadedFrom) => _loaded.Keys.Where(path => IsProgram(path, loadedFrom));

    /// <summary>The memory that it occupies, in bytes; 0 when that is unknown.</summary>
    public long MemoryBytes => ReadProcess("statm") is { } text && long.TryParse(text.Split(' ')[1], CultureInfo.InvariantCulture, out long pages)
        ? pages * Environment.SystemPageSize
        : 0;

    /// <summary>The processor time that it has used, in milliseconds; 0 when that is unknown.</summary>
    public double CpuMs
    {
        get
        {
            // proc(5): the 14th and 15th field, in hundredths of a second; the second is the name in parentheses.
            string[] fields = ReadProcess("stat") is { } text ? text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries) : [];
            return fields.Length > 12
                ? 10.0 * (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture))
                : 0;
        }
    }

    /// <summary>Waits until a server that has just been started listens.</summary>
    /// <exception cref="WarmToolException">It does not listen.</exception>
    public async Task AwaitStartAsync(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        while (true)
        {
            try
            {
                await resident.ListenAsync(cancellationToken);
                return;
            }
            catch (ReprException exception) when (!resident.Ended.IsCompleted && time.GetElapsedTime(start) < limit)
            {
                _ = exception; // not yet
                await Task.Delay(TimeSpan.FromMilliseconds(5), time, cancellationToken);
            }
            catch (ReprException exception)
            {
                throw NotListening(exception);
            }
        }
    }

    /// <summary>Connects. The caller disposes the connection.</summary>
    /// <exception cref="WarmToolException">It does not listen.</exception>
    public async Task<Socket> ConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            Socket socket = await resident.ConnectAsync(cancellationToken);
            byte[] credentials = new byte[3 * sizeof(int)];
            _processId = socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials) == credentials.Length ? BitConverter.ToInt32(credentials) : 0;
            return socket;
        }
        catch (ReprException exception)
        {
            throw NotListening(exception);
        }
    }

    /// <summary>Lets it run a command.</summary>
    /// <exception cref="WarmToolException">It did not.</exception>
    public async Task<WarmVerdict> RunAsync(Socket connection, Command command, CancellationToken cancellationToken)
    {
        await using NetworkStream stream = new(connection, ownsSocket: false);
        WarmVerdict verdict = await tool.RunAsync(stream, prepared, command, cancellationToken);
        Served++;
        return verdict;
    }

    /// <summary>Remembers what the server has loaded by the end of an action: its own programs, and those that the action let it load.</summary>
    /// <param name="start">What it saw before its first action, in which it may have been busy still; null: this was not its first.</param>
    /// <param name="files">What the action saw.</param>
    /// <param name="loadedFrom">Where else the action let it load programs.</param>
    /// <param name="cancellationToken">Stops the remembering; the server must end then.</param>
    public async Task NoteAsync(
        InputTree? start, InputTree files, IReadOnlySet<VirtualPath> loadedFrom, CancellationToken cancellationToken)
    {
        foreach (ObservedInput input in ReadIn(start))
        {
            _ownDirectories.Add(input.Path.Parent);
            await NoteAsync(input.Path, start!, cancellationToken);
        }

        foreach (ObservedInput input in ReadIn(files))
        {
            if (IsProgram(input.Path, loadedFrom))
            {
                await NoteAsync(input.Path, files, cancellationToken);
            }
        }

        static IEnumerable<ObservedInput> ReadIn(InputTree? tree) =>
            tree?.Observed.ToList().Where(input => input.Kind == ObservedKind.Read) ?? [];
    }

    /// <summary>
    /// Looks whether the requester of an action has, where the server loaded its programs, the same programs. Returns the first that is
    /// another; null: none is.
    /// </summary>
    /// <param name="files">What the action sees.</param>
    /// <param name="loadedFrom">Where else the action lets it load programs.</param>
    /// <param name="cancellationToken">Stops the looking.</param>
    public async Task<VirtualPath?> FindChangeAsync(InputTree files, IReadOnlySet<VirtualPath> loadedFrom, CancellationToken cancellationToken)
    {
        // All at once: what the requester has to be asked costs one round trip.
        (VirtualPath Path, Task<bool> IsSame)[] programs =
        [
            .. _loaded
                .Where(program => IsProgram(program.Key, loadedFrom))
                .Select(program => (program.Key, IsSameAsync(program.Value, program.Key, files, cancellationToken))),
        ];
        await Task.WhenAll(programs.Select(program => program.IsSame));
        foreach ((VirtualPath path, Task<bool> isSame) in programs)
        {
            if (!await isSame)
            {
                return path;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => resident.DisposeAsync();

    private static WarmToolException NotListening(ReprException exception) => new($"it does not listen ({exception.Message})");

    private static async Task<bool> IsSameAsync(Digest loaded, VirtualPath path, InputTree files, CancellationToken cancellationToken) =>
        await files.DescribeAsync(path, cancellationToken) is FileFact file
        && file.SizeBytes == loaded.SizeBytes
        && await files.DigestAsync(file, cancellationToken) == loaded;

    // In the server's own directories, or in those from which an action lets it load.
    private bool IsProgram(VirtualPath file, IReadOnlySet<VirtualPath> loadedFrom) =>
        _ownDirectories.Contains(file.Parent) || loadedFrom.Contains(file.Parent);

    private async Task NoteAsync(VirtualPath path, InputTree files, CancellationToken cancellationToken)
    {
        if (!_loaded.ContainsKey(path) && await files.DescribeAsync(path, cancellationToken) is FileFact fact)
        {
            _loaded.Add(path, await files.DigestAsync(fact, cancellationToken));
        }
    }

    private string? ReadProcess(string file)
    {
        try
        {
            return _processId == 0 ? null : File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{_processId}/{file}"));
        }
        catch (IOException)
        {
            return null; // it has ended
        }
    }
}
