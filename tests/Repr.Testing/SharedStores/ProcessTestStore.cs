using System.Diagnostics;

namespace Repr.Testing.SharedStores;

/// <summary>A store whose server is a process on files of this machine.</summary>
/// <param name="name">Names its directory.</param>
public abstract class ProcessTestStore(string name) : TestStore
{
    /// <summary>Its directory; removed with it.</summary>
    protected string Root { get; } = Directory.CreateTempSubdirectory($"repr-{name}-").FullName;

    /// <summary>The server; null: it was killed.</summary>
    protected Process? Server { get; set; }

    /// <inheritdoc/>
    public override async Task KillAsync()
    {
        if (Server is { HasExited: false })
        {
            Server.Kill();
            await Server.WaitForExitAsync();
        }

        Server?.Dispose();
        Server = null;
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await KillAsync();
        Directory.Delete(Root, recursive: true);
        GC.SuppressFinalize(this);
    }
}
