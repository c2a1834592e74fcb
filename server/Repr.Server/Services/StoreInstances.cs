namespace Repr.Server.Services;

/// <summary>
/// The content stores of a worker by their instance names in the Remote Execution API. Immutable; safe for concurrent use.
/// </summary>
/// <param name="All">The worker's whole chain of stores: what every name means but one.</param>
/// <param name="Disk">What lies on this worker's own disk.</param>
internal sealed record StoreInstances(IContentStore All, IContentStore Disk)
{
    /// <summary>The name for <see cref="Disk"/>. Workers ask each other by it, so that no question goes round in circles.</summary>
    public const string DiskName = "repr-disk";

    /// <summary>The store with a name.</summary>
    public IContentStore Find(string instanceName) => instanceName == DiskName ? Disk : All;
}
