using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces.Fuse;

/// <summary>For each slot the directory of what is foretold of its actions. Only root has any. Safe for concurrent use; of one slot, one action at a time.</summary>
[SupportedOSPlatform("linux")]
internal sealed partial class ForetoldLayers(LauncherProcess launcher, ILogger logger) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, ForetoldLayer> _layers = [];
    private uint _last;
    private int _without; // the launcher of which it is known that it has none

    /// <summary>The layer of a slot; null: there can be none.</summary>
    /// <exception cref="ReprException">The launcher does not start.</exception>
    public async ValueTask<ForetoldLayer?> OfAsync(int slot, (uint User, uint Group) owner, CancellationToken cancellationToken)
    {
        if (await launcher.FindForetoldAsync(cancellationToken) is not { } place)
        {
            return null;
        }

        lock (_lock)
        {
            if (place.Launcher == _without)
            {
                return null;
            }

            if (_layers.TryGetValue(slot, out ForetoldLayer? layer))
            {
                if (layer.Launcher == place.Launcher)
                {
                    return layer;
                }

                layer.Dispose(); // it is gone with its launcher
                _layers.Remove(slot);
            }

            try
            {
                layer = new ForetoldLayer(place.Launcher, place.Root, ++_last, owner);
            }
            catch (IOException exception)
            {
                _without = place.Launcher;
                LogNone(logger, exception.Message);
                return null;
            }

            _layers.Add(slot, layer);
            return layer;
        }
    }

    /// <summary>Lets a layer go that is of no more use.</summary>
    public void Drop(int slot, IOException reason)
    {
        LogNone(logger, reason.Message);
        lock (_lock)
        {
            if (_layers.Remove(slot, out ForetoldLayer? layer))
            {
                layer.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (ForetoldLayer layer in _layers.Values)
            {
                layer.Dispose();
            }

            _layers.Clear();
        }
    }

    [LoggerMessage(LogLevel.Warning, "Nothing is foretold of an action's files ({Reason}); its tool asks for each.")]
    private static partial void LogNone(ILogger logger, string reason);
}
