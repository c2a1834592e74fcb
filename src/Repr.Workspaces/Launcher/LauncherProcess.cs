using System.Diagnostics;
using System.Net.Sockets;

namespace Repr.Workspaces.Launcher;

/// <summary>
/// The resident launcher process, started when first needed and again when it has died. It and all its sandboxes end with this
/// object or this process. Safe for concurrent use.
/// </summary>
/// <param name="path">The program.</param>
internal sealed class LauncherProcess(string path) : IAsyncDisposable
{
    private const string FileName = "repr-launch";

    private static readonly TimeSpan s_fullDelay = TimeSpan.FromMilliseconds(5);

    private readonly SemaphoreSlim _starting = new(1, 1);
    private Process? _process;
    private string? _directory;
    private bool _disposed;

    /// <summary>Where the build puts the launcher: beside the program.</summary>
    public static string DefaultPath => Path.Combine(AppContext.BaseDirectory, FileName);

    /// <summary>The running process's number; null when there is none.</summary>
    public int? ProcessId => _process?.Id;

    /// <summary>Connects to a fresh supervisor.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: the launcher could not be started.</exception>
    public async ValueTask<SandboxConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        string socketPath = Path.Combine((await EnsureStartedAsync(cancellationToken)).Directory, "socket");
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            while (true)
            {
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellationToken);
                    return new SandboxConnection(socket);
                }
                catch (SocketException full) when (full.SocketErrorCode == SocketError.WouldBlock)
                {
                    await Task.Delay(s_fullDelay, cancellationToken); // unix(7): EAGAIN says that many wait already
                }
            }
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw new ReprException(
                ReprErrorCode.Unavailable, $"The launcher of sandboxes does not answer ({exception.Message}). Try again.", exception);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The file system in memory that lies above the files of its sandboxes (FORETOLD of launch.h), as this process reaches it: each launcher has another
    /// one. Null: this process is not root, and there is none.
    /// </summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: the launcher could not be started.</exception>
    public async ValueTask<string?> FindForetoldAsync(CancellationToken cancellationToken)
    {
        if (LauncherNative.GetEffectiveUserId() != 0)
        {
            return null;
        }

        (int process, string directory) = await EnsureStartedAsync(cancellationToken);
        return FormattableString.Invariant($"/proc/{process}/root{directory}/foretold");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _starting.WaitAsync(CancellationToken.None);
        try
        {
            _disposed = true;
            if (_process is not null)
            {
                _process.StandardInput.Close();
                await _process.WaitForExitAsync(CancellationToken.None);
                Discard();
            }
        }
        finally
        {
            _starting.Release();
        }
    }

    private async ValueTask<(int Process, string Directory)> EnsureStartedAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_process is { HasExited: true })
            {
                Discard();
            }

            if (_process is null)
            {
                await StartAsync(cancellationToken);
            }

            return (_process!.Id, _directory!);
        }
        finally
        {
            _starting.Release();
        }
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
        {
            throw new ReprException(ReprErrorCode.Unavailable, $"The launcher of sandboxes is missing: '{path}'. Install Repr again.");
        }

        // Created with mode 0700: only this user can ask the launcher.
        _directory = Directory.CreateTempSubdirectory("repr-launch-").FullName;
        ProcessStartInfo start = new(path, [Path.Combine(_directory, "socket")])
        {
            RedirectStandardInput = true, // its end tells the launcher that this process is gone
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        Process process = new() { StartInfo = start };
        try
        {
            process.Start();
            char[] ready = new char[1];
            if (await process.StandardOutput.ReadAsync(ready, cancellationToken) == 0)
            {
                string reason = await process.StandardError.ReadToEndAsync(cancellationToken);
                throw new ReprException(ReprErrorCode.Unavailable, $"The launcher of sandboxes does not start: {reason.Trim()}");
            }
        }
        catch (Exception exception)
        {
            process.Dispose(); // closes its standard input, and so ends it
            Directory.Delete(_directory, recursive: true);
            if (exception is System.ComponentModel.Win32Exception)
            {
                throw new ReprException(
                    ReprErrorCode.Unavailable, $"The launcher of sandboxes '{path}' does not start: {exception.Message}", exception);
            }

            throw;
        }

        _process = process;
    }

    private void Discard()
    {
        _process?.Dispose();
        _process = null;
        if (Directory.Exists(_directory)) // a launcher that was killed did not remove it
        {
            Directory.Delete(_directory, recursive: true);
        }
    }
}
