namespace Repr.Security.Mtls;

/// <summary><c>mtls</c> of a worker: callers are known by their client certificates.</summary>
public sealed class MtlsAuthenticatorPlugin : IPlugin<IAuthenticator, MtlsOptions>
{
    /// <inheritdoc/>
    public string Name => "mtls";

    /// <inheritdoc/>
    public IAuthenticator Create(MtlsOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        return new MtlsAuthenticator(options, context);
    }
}
