using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces.Fuse;

/// <summary>What a sandbox must be, to be ready before it is known what runs in it.</summary>
/// <param name="User">The user that the tool believes to be.</param>
/// <param name="Group">Its group.</param>
/// <param name="Outside">The user and group that the kernel knows it as.</param>
/// <param name="Root">What the requester's "/" is.</param>
/// <param name="Opening">How the kernel is to open files.</param>
/// <param name="Foretold">What lies above its files; null: nothing.</param>
internal sealed record SpareKey(
    uint User, uint Group, (uint User, uint Group) Outside, FileEntry Root, FileOpening Opening, ForetoldLayer? Foretold);

/// <summary>
/// A sandbox that waits for its command: all of it is made, and nothing runs in it but init. Its files are those of whoever takes it.
/// Used by one caller at a time.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class SpareSandbox : IAsyncDisposable
{
    private readonly SandboxServices _services;
    private readonly LateFiles _files = new();
    private Action<ReprException>? _onFailure;

    private SpareSandbox(SandboxServices services, string staging, SandboxConnection connection, FileEntry root)
    {
        _services = services;
        Staging = staging;
        Connection = connection;
        Tree = new FuseTree(_files, root);
    }

    /// <summary>Its directory.</summary>
    public string Staging { get; }

    /// <summary>Its supervisor.</summary>
    public SandboxConnection Connection { get; }

    /// <summary>What is known of the files.</summary>
    public FuseTree Tree { get; }

    /// <summary>Serves the files.</summary>
    public FuseServer Server { get; private set; } = null!;

    /// <summary>False when something has ended it.</summary>
    public bool IsAlive => Connection.IsQuiet;

    /// <summary>Makes one.</summary>
    /// <param name="services">What it is made with.</param>
    /// <param name="staging">An empty directory of its own.</param>
    /// <param name="command">Something that it could run.</param>
    /// <param name="key">What it must be.</param>
    /// <param name="cancellationToken">Stops the making.</param>
    /// <exception cref="ReprException">It can't be made.</exception>
    public static async Task<SpareSandbox> MakeAsync(
        SandboxServices services, string staging, Command command, SpareKey key, CancellationToken cancellationToken)
    {
        SandboxConnection connection = await services.Launcher.ConnectAsync(cancellationToken);
        SpareSandbox spare = new(services, staging, connection, key.Root);
        try
        {
            using CancellationTokenRegistration killing = cancellationToken.UnsafeRegister(_ => connection.Kill(), null);
            await connection.SendAsync(
                new SandboxRequest(
                    staging, command, WithFuse: true, key.Outside.User, key.Outside.Group, Foretold: key.Foretold?.Number ?? 0).Encode(),
                cancellationToken);
            while (await connection.ReceiveAsync() is { } frame)
            {
                switch (frame.Kind)
                {
                    case FrameKind.Fuse when frame.Descriptor is not null:
                        spare.Server = new FuseServer(
                            frame.Descriptor, spare.Tree, spare._files, (key.User, key.Group), key.Opening, spare.Fail, services.Logger);
                        spare.Server.Start();
                        break;
                    case FrameKind.Ready when spare.Server is not null:
                        return spare;
                    case FrameKind.Failed:
                        throw SandboxFailure.Explain(command, frame.Data.Span);
                }
            }

            cancellationToken.ThrowIfCancellationRequested();
            throw new ReprException(ReprErrorCode.Unavailable, "The launcher of sandboxes went away. Try again.");
        }
        catch (Exception exception)
        {
            await spare.DisposeAsync();
            if (exception is SocketException or Win32Exception)
            {
                throw new ReprException(ReprErrorCode.Unavailable, "The launcher of sandboxes went away. Try again.", exception);
            }

            throw;
        }
    }

    /// <summary>Gives it its files, before its command is sent.</summary>
    /// <param name="files">What the tool sees.</param>
    /// <param name="onFailure">Called with each failure of the files.</param>
    public void Begin(IFileSource files, Action<ReprException> onFailure)
    {
        _onFailure = onFailure;
        _files.Begin(files);
    }

    /// <summary>Ends one that nobody took.</summary>
    public async ValueTask DisposeAsync()
    {
        Server?.Abort();
        Connection.Dispose();
        if (Server is not null)
        {
            await Server.DisposeAsync();
        }

        StagingDirectory.TryDelete(Staging, _services.Logger);
    }

    private void Fail(ReprException failure) => _onFailure?.Invoke(failure);
}
