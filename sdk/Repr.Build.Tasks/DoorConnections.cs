using System.Collections.Concurrent;
using Microsoft.Build.Framework;

namespace Repr.Build;

/// <summary>
/// Connections to the door that wait for the next request of a build: where all processors are busy, each time that a thread of the requester process has to wake up first
/// costs more than what it then does. Safe for concurrent use.
/// </summary>
internal sealed class DoorConnections : IDisposable
{
    private readonly ConcurrentQueue<DoorConnection> _idle = new();
    private volatile bool _isDisposed;

    /// <summary>Those of a build in this process, of this copy of the assembly; null where the engine can't close them at its end.</summary>
    /// <param name="engine">A task's engine.</param>
    /// <param name="toolPath">The repr.dll behind the door.</param>
    public static DoorConnections? Of(IBuildEngine engine, string toolPath) => BuildObjects.GetOrMake(engine, toolPath, static () => new DoorConnections());

    /// <summary>One on which nothing is under way; null: there is none.</summary>
    public DoorConnection? Take()
    {
        while (_idle.TryDequeue(out DoorConnection? connection))
        {
            if (connection.IsIdle)
            {
                return connection;
            }

            connection.Dispose(); // the process behind it has gone
        }

        return null;
    }

    /// <summary>Keeps a connection whose request is answered.</summary>
    public void Keep(DoorConnection connection)
    {
        _idle.Enqueue(connection);
        if (_isDisposed)
        {
            Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        while (_idle.TryDequeue(out DoorConnection? connection))
        {
            connection.Dispose();
        }
    }
}
