using Microsoft.Build.Framework;

namespace Repr.Build;

/// <summary>
/// The slot of the engine in which a task runs: given back, the engine may build other projects with it. To have it back takes as long as what the engine has
/// begun with it: for what ends at once that is a bad bargain. Used on the task's own thread.
/// </summary>
/// <param name="engine">The task's engine.</param>
internal sealed class EngineSlot(IBuildEngine engine) : IDisposable
{
    private readonly IBuildEngine3? _engine = engine as IBuildEngine3;
    private bool _isGivenBack;

    /// <summary>Gives the slot back, until the end of this object. Once is enough.</summary>
    public void GiveBack()
    {
        if (!_isGivenBack)
        {
            _isGivenBack = true;
            _engine?.Yield();
        }
    }

    /// <summary>Takes the slot again; waits until the engine has it.</summary>
    public void Dispose()
    {
        if (_isGivenBack)
        {
            _engine?.Reacquire();
        }
    }
}
