using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Repr.Testing.Servers;

/// <summary>A server of another project, run for a test or bench on this machine. Disposing it kills it. Safe for concurrent use.</summary>
public sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly StringBuilder _output;

    private ServerProcess(Process process, StringBuilder output)
    {
        _process = process;
        _output = output;
    }

    /// <summary>Starts a server and waits until it says that it serves, or takes connections.</summary>
    /// <param name="program">The program; eng/setup.sh installs it.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="port">The port of this machine on which it will serve.</param>
    /// <param name="readyText">What a line that it writes when it serves has; null: a connection shows it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">It is missing, has ended, or does not serve.</exception>
    public static async Task<ServerProcess> StartAsync(
        string program, IEnumerable<string> arguments, int port, string? readyText, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        StringBuilder output = new();
        TaskCompletionSource said = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Process process = new() { StartInfo = start };
        void Take(object sender, DataReceivedEventArgs line)
        {
            lock (output)
            {
                output.AppendLine(line.Data);
            }

            if (readyText is not null && line.Data?.Contains(readyText, StringComparison.Ordinal) == true)
            {
                said.TrySetResult();
            }
        }

        process.OutputDataReceived += Take;
        process.ErrorDataReceived += Take;
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new InvalidOperationException($"{program} can't be started: {exception.Message}. Run eng/setup.sh.", exception);
        }

        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        ServerProcess server = new(process, output);
        try
        {
            using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            late.CancelAfter(StartTimeout);
            Task ready = readyText is null ? ConnectAsync(port, late.Token) : said.Task.WaitAsync(late.Token);
            if (await Task.WhenAny(ready, process.WaitForExitAsync(late.Token)) != ready || !ready.IsCompletedSuccessfully)
            {
                cancellationToken.ThrowIfCancellationRequested();
                string what = process.HasExited ? $"ended with exit code {process.ExitCode}" : $"was not ready within {StartTimeout.TotalSeconds:0} s";
                await server.KillAsync(); // so that all it said is there
                throw new InvalidOperationException($"{program} for port {port} {what}; it said last: {server.LastLine}\n{server.Output}");
            }

            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>What it has written so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    private string LastLine => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault("nothing");

    /// <summary>Kills it, as a loss of power would, and waits for its end.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private static async Task ConnectAsync(int port, CancellationToken cancellationToken)
    {
        while (true)
        {
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(50, cancellationToken);
            }
        }
    }
}
