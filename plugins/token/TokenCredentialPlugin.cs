using System.Text;

namespace Repr.Security.Tokens;

/// <summary><c>token</c> of a requester: a token in a file or a variable.</summary>
public sealed class TokenCredentialPlugin : IPlugin<ICredential, TokenCredentialOptions>
{
    /// <inheritdoc/>
    public string Name => "token";

    /// <inheritdoc/>
    public ICredential Create(TokenCredentialOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        if (options.File is { } path)
        {
            if (File.Exists(path) && TokenFiles.IsOpenToOthers(path))
            {
                context.Warn($"'{path}' has a token and can be read by other users; make its mode 0600.");
            }

            RereadFiles<string> file = new([path], static contents => BearerToken.Parse(Encoding.UTF8.GetString(contents[0])), context.Time);
            return new TokenCredential([path], file.Read);
        }

        string variable = options.Variable!;
        return new TokenCredential([], () =>
        {
            try
            {
                return BearerToken.Parse(Environment.GetEnvironmentVariable(variable) ?? "");
            }
            catch (FormatException exception)
            {
                throw new ReprException(
                    ReprErrorCode.Unauthenticated,
                    $"The variable '{variable}' of the build that started the requester process cannot be used: {exception.Message} Set it and run 'repr shutdown'.",
                    exception);
            }
        });
    }
}

/// <summary>A token that is read when it is needed.</summary>
internal sealed class TokenCredential(IReadOnlyCollection<string> files, Func<string> read) : ICredential
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> SecretFiles => files;

    /// <inheritdoc/>
    public ValueTask<string> GetTokenAsync(Uri worker, CancellationToken cancellationToken) => ValueTask.FromResult(read());

    /// <inheritdoc/>
    public void Forget(string token)
    {
        // Nothing is remembered.
    }
}
