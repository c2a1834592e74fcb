using Microsoft.Extensions.Logging;

namespace Repr.Requester;

/// <summary>The content stores of a requester process, besides those of its workers. Immutable.</summary>
public sealed record RequesterStores
{
    /// <summary>None.</summary>
    public static RequesterStores None { get; } = new();

    /// <summary>
    /// Opens the store on this machine that keeps content which was fetched from workers; null: none is kept. Called when the door is this process's, as two may be
    /// started at once; the process disposes it.
    /// </summary>
    public Func<ILogger, CancellationToken, Task<ILocalContentStore?>> OpenKept { get; init; } = static (_, _) => Task.FromResult<ILocalContentStore?>(null);

    /// <summary>Shows placeholders' directory; null: not possible on this system.</summary>
    public MountFiles? Mount { get; init; }

    /// <summary>Makes the store that the settings file names; it tells its troubles to the log. Returns null: there is none. Whoever made it disposes it.</summary>
    public Func<ILogger, SharedContentStore?> OpenShared { get; init; } = static _ => null;
}

/// <summary>A store that this requester and its workers share; it need not be the same address for both.</summary>
/// <param name="Name">What messages call it.</param>
/// <param name="Store">The store. Checks what it gives and takes, and fails fast while it is away.</param>
public sealed record SharedContentStore(string Name, IContentStore Store);
