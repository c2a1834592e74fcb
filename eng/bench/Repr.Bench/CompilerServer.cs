using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Repr.Bench.Peers;
using Repr.Server.Warm;

namespace Repr.Bench;

/// <summary>A compiler server of the .NET SDK outside of any workspace, until it is disposed.</summary>
internal sealed class CompilerServer : IAsyncDisposable
{
    private readonly RoslynProtocol _protocol;
    private readonly string _directory;
    private readonly string _socket;
    private readonly int _process;

    private CompilerServer(RoslynProtocol protocol, string directory, string socket, int process, IReadOnlyList<string> command)
    {
        (_protocol, _directory, _socket, _process, Command) = (protocol, directory, socket, process, command);
    }

    /// <summary>The same compile as a command of its own.</summary>
    public IReadOnlyList<string> Command { get; }

    /// <summary>Starts the server of the SDK that builds the bench.</summary>
    /// <param name="options">Where logs go.</param>
    /// <param name="group">Where it runs.</param>
    /// <param name="directory">Where <see cref="CompilerSources"/> has written, and where it compiles.</param>
    /// <param name="environment">Variables beside those of the bench.</param>
    /// <param name="cancellationToken">Stops waiting for it.</param>
    /// <exception cref="BenchException">The SDK's compiler is not where it should be, or not known.</exception>
    public static async Task<CompilerServer> StartAsync(
        BenchOptions options, ControlGroup group, string directory, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken)
    {
        ChildProcess list = await ChildProcess.RunAsync("dotnet", ["--info"], cancellationToken);
        string sdk = list.Output.Split('\n').Select(static line => line.Trim()).First(static line => line.StartsWith("Base Path:", StringComparison.Ordinal))
            ["Base Path:".Length..].Trim();
        string host = Path.GetFullPath(Path.Combine(sdk, "../../dotnet"));
        string compilers = Path.Combine(sdk, "Roslyn/bincore");
        string server = Path.Combine(compilers, "VBCSCompiler.dll");
        await using FileStream assembly = File.OpenRead(server);
        RoslynProtocol protocol = RoslynProtocol.Read(assembly)
            ?? throw new BenchException($"The bench does not know the language of {server}.");
        string pipe = string.Create(CultureInfo.InvariantCulture, $"repr-bench-{Environment.ProcessId}-csc-{string.Join('-', environment.Values)}");
        string socket = Path.Combine("/tmp", pipe); // the server puts it there
        File.Delete(socket);
        int process = await Daemon.StartAsync(
            group, Path.Combine(options.Artifacts, "compiler-server.log"), new Dictionary<string, string>(environment) { ["DOTNET_EnableDiagnostics"] = "0" },
            [host, "exec", server, "-pipename:" + pipe], () => File.Exists(socket), cancellationToken);
        return new CompilerServer(
            protocol, directory, socket, process, [host, "exec", Path.Combine(compilers, "csc.dll"), "/noconfig", "/nologo", "@" + CompilerSources.ResponseFile]);
    }

    /// <summary>Compiles once.</summary>
    /// <returns>Milliseconds from the request to the answer.</returns>
    /// <exception cref="BenchException">It can't be compiled.</exception>
    public async Task<double> CompileAsync(CancellationToken cancellationToken)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(_socket), cancellationToken);
        await using NetworkStream stream = new(socket, ownsSocket: false);
        try
        {
            long start = Stopwatch.GetTimestamp();
            await _protocol.WriteRequestAsync(stream, false, _directory, "/tmp/", null, [.. Command.Skip(3)], cancellationToken);
            (int exitCode, string text) = await RoslynProtocol.ReadResponseAsync(stream, cancellationToken);
            return exitCode == 0
                ? Stopwatch.GetElapsedTime(start).TotalMilliseconds
                : throw new BenchException($"The compiler server can't compile in {_directory}:\n{text}");
        }
        catch (WarmToolException exception)
        {
            throw new BenchException($"The compiler server did not compile in {_directory}: {exception.Message}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        File.Delete(_socket);
        try
        {
            using Process server = Process.GetProcessById(_process);
            server.Kill();
            await server.WaitForExitAsync();
        }
        catch (ArgumentException)
        {
            // It has ended.
        }
    }
}
