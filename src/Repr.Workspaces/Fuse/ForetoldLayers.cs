using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces.Fuse;

/// <summary>For each slot the directory of what is foretold of its actions. Only root has any. Safe for concurrent use; of one slot, one action at a time.</summary>
[SupportedOSPlatform("linux")]
internal sealed partial class ForetoldLayers(LauncherProcess launcher, ILogger logger) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, ForetoldLayer?> _layers = []; // null: of this slot there is none any more
    private int _launcher;
    private bool _hasPlace;
    private uint _last;

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
            if (_launcher != place.Launcher)
            {
                Clear(); // all of it is gone with its launcher
                _launcher = place.Launcher;
                _hasPlace = ForetoldLayer.IsPlace(place.Root);
                if (!_hasPlace)
                {
                    LogNone(logger, $"the launcher has no file system at {place.Root}");
                }
            }

            if (!_hasPlace)
            {
                return null;
            }

            if (_layers.TryGetValue(slot, out ForetoldLayer? layer))
            {
                return layer;
            }

            try
            {
                layer = new ForetoldLayer(place.Launcher, place.Root, ++_last, owner);
            }
            catch (IOException exception)
            {
                LogNone(logger, exception.Message);
            }

            _layers.Add(slot, layer);
            return layer;
        }
    }

    /// <summary>Lets the layer of a slot go, which gets none any more: what fails once, for want of room above all, fails again.</summary>
    public void Drop(int slot, Exception reason)
    {
        LogNone(logger, reason.Message);
        lock (_lock)
        {
            _layers[slot]?.Dispose();
            _layers[slot] = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            Clear();
        }
    }

    private void Clear()
    {
        foreach (ForetoldLayer? layer in _layers.Values)
        {
            layer?.Dispose();
        }

        _layers.Clear();
    }

    [LoggerMessage(LogLevel.Warning, "Nothing is foretold of actions' files, and tools ask for each, until the worker starts again: {Reason}")]
    private static partial void LogNone(ILogger logger, string reason);
}
