using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces.Fuse;

/// <summary>
/// For each slot the directory of what is foretold of its actions, one caller's at a time. Only root has any. Safe for concurrent use; of one slot, one
/// action at a time, and nobody else touches its layer.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed partial class ForetoldLayers(LauncherProcess launcher, ILogger logger) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, Place> _places = [];
    private uint _last;

    /// <summary>The layer of a slot; null: there can be none.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="owner">Who owns what is in it: always the same for a slot.</param>
    /// <param name="caller">Whose action it is.</param>
    /// <param name="cancellationToken">Stops the start of the launcher.</param>
    /// <exception cref="ReprException">The launcher does not start.</exception>
    public async ValueTask<ForetoldLayer?> OfAsync(int slot, (uint User, uint Group) owner, string caller, CancellationToken cancellationToken)
    {
        if (await launcher.FindForetoldAsync(cancellationToken) is not { } root)
        {
            return null;
        }

        Place? before;
        uint number;
        lock (_lock)
        {
            if (_places.TryGetValue(slot, out before) && before.Root == root && (before.Layer is null || before.Caller == caller))
            {
                return before.Layer;
            }

            number = ++_last;
        }

        before?.Layer?.Dispose(); // another caller's, or gone with its launcher
        ForetoldLayer? layer = Make(slot, root, number, owner);
        lock (_lock)
        {
            _places[slot] = new Place(root, caller, layer);
            return layer;
        }
    }

    /// <summary>Lets the layer of a slot go, which gets none any more of this launcher: what fails once, for want of room above all, fails again.</summary>
    public void Drop(int slot, Exception reason)
    {
        Log.NoLayer(logger, slot, reason.Message);
        Place? place;
        lock (_lock)
        {
            if (_places.TryGetValue(slot, out place))
            {
                _places[slot] = place with { Layer = null };
            }
        }

        place?.Layer?.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (Place place in _places.Values)
            {
                place.Layer?.Dispose();
            }

            _places.Clear();
        }
    }

    private ForetoldLayer? Make(int slot, string root, uint number, (uint User, uint Group) owner)
    {
        try
        {
            return new ForetoldLayer(root, number, owner);
        }
        catch (IOException exception)
        {
            Log.NoLayer(logger, slot, exception.Message);
            return null;
        }
    }

    /// <summary>What a slot has.</summary>
    /// <param name="Root">The launcher's file system.</param>
    /// <param name="Caller">Whose actions it is for.</param>
    /// <param name="Layer">Null: none any more.</param>
    private sealed record Place(string Root, string Caller, ForetoldLayer? Layer);

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "Nothing is foretold any more of the files of actions in slot {Slot}, and their tools ask for each: {Reason}")]
        public static partial void NoLayer(ILogger logger, int slot, string reason);
    }
}
