using Microsoft.Extensions.Logging;

namespace Repr.Requester;

/// <summary>The content stores of a requester process, besides those of its workers. Immutable. Whoever made the stores disposes them.</summary>
public sealed record RequesterStores
{
    /// <summary>None.</summary>
    public static RequesterStores None { get; } = new();

    /// <summary>On this machine: content that was fetched from workers; null: none is kept.</summary>
    public ILocalContentStore? Kept { get; init; }

    /// <summary>Shows placeholders' directory; null: not possible on this system.</summary>
    public MountFiles? Mount { get; init; }

    /// <summary>Makes the store that the settings file names; it tells its troubles to the log. Returns null: there is none.</summary>
    public Func<ILogger, SharedContentStore?> OpenShared { get; init; } = static _ => null;
}

/// <summary>A store that this requester and its workers share; it need not be the same address for both.</summary>
/// <param name="Name">What messages call it.</param>
/// <param name="Store">The store. Checks what it gives and takes, and fails fast while it is away.</param>
public sealed record SharedContentStore(string Name, IContentStore Store);
