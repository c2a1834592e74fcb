namespace Repr.Security.Exec;

/// <summary>
/// <c>exec</c> of a requester: a program writes the token. It is a credential helper of Bazel and others
/// (https://github.com/EngFlow/credential-helper-spec), or simply writes the token.
/// </summary>
public sealed class ExecCredentialPlugin : IPlugin<ICredential, ExecCredentialOptions>
{
    /// <inheritdoc/>
    public string Name => "exec";

    /// <inheritdoc/>
    public ICredential Create(ExecCredentialOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        return new ExecCredential(options, context.Time);
    }
}
