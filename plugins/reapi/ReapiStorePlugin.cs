namespace Repr.Cas.Reapi;

/// <summary>Makes stores that are a server's content store of the Remote Execution API v2.</summary>
public sealed class ReapiStorePlugin : IPlugin<IContentStore, ReapiStoreOptions>
{
    /// <inheritdoc/>
    public string Name => "reapi";

    /// <inheritdoc/>
    public IContentStore Create(ReapiStoreOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        return new ReapiStore(new ReapiConnection(options, context));
    }
}
