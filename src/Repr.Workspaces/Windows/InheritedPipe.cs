using System.IO.Pipes;
using System.Runtime.Versioning;

namespace Repr.Workspaces.Windows;

/// <summary>
/// A pipe between this process and one that it creates: this end is asynchronous, the other is inherited, and closed here once it was.
/// </summary>
[SupportedOSPlatform("windows")]
internal sealed class InheritedPipe : IAsyncDisposable
{
    private const int BufferBytes = 1 << 16;

    private readonly NamedPipeServerStream _near;
    private readonly NamedPipeClientStream _far;

    private InheritedPipe(NamedPipeServerStream near, NamedPipeClientStream far)
    {
        _near = near;
        _far = far;
    }

    /// <summary>This process's end.</summary>
    public Stream Near => _near;

    /// <summary>The handle that is inherited; valid until <see cref="CloseFar"/>.</summary>
    public nint Far => _far.SafePipeHandle.DangerousGetHandle();

    /// <summary>Makes a pipe of a name that nobody can guess.</summary>
    /// <param name="direction">Seen from here.</param>
    /// <param name="cancellationToken">Stops the making.</param>
    public static async ValueTask<InheritedPipe> CreateAsync(PipeDirection direction, CancellationToken cancellationToken)
    {
        string name = "repr-" + Guid.NewGuid().ToString("N");
        NamedPipeServerStream near = new(
            name, direction, 1, PipeTransmissionMode.Byte, PipeOptions.Asynchronous | PipeOptions.CurrentUserOnly, BufferBytes, BufferBytes);
        try
        {
            PipeDirection opposite = direction switch
            {
                PipeDirection.In => PipeDirection.Out,
                PipeDirection.Out => PipeDirection.In,
                _ => PipeDirection.InOut,
            };
            NamedPipeClientStream far = new(
                ".", name, opposite, PipeOptions.None, System.Security.Principal.TokenImpersonationLevel.Anonymous, HandleInheritability.Inheritable);
            Task connected = near.WaitForConnectionAsync(cancellationToken);
            await far.ConnectAsync(cancellationToken);
            await connected;
            return new InheritedPipe(near, far);
        }
        catch
        {
            await near.DisposeAsync();
            throw;
        }
    }

    /// <summary>Closes the other end in this process: from now on the pipe ends with those who inherited it.</summary>
    public void CloseFar() => _far.Dispose();

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _far.Dispose();
        return _near.DisposeAsync();
    }
}
