using System.Text;
using Microsoft.IdentityModel.Tokens;

namespace Repr.Security.Jwt;

/// <summary><c>jwt</c> of a worker: callers are known by signed tokens of an issuer (JSON Web Token, RFC 7519; OpenID Connect).</summary>
public sealed class JwtAuthenticatorPlugin : IPlugin<IAuthenticator, JwtOptions>
{
    /// <inheritdoc/>
    public string Name => "jwt";

    /// <inheritdoc/>
    public IAuthenticator Create(JwtOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        if (options.KeysFile is not { } path)
        {
            IssuerKeys keys = new(options, context);
            return new JwtAuthenticator(options, keys.GetAsync, keys);
        }

        RereadFiles<IReadOnlyList<SecurityKey>> file =
            new([path], static contents => [.. new JsonWebKeySet(Encoding.UTF8.GetString(contents[0])).GetSigningKeys()], context.Time);
        try
        {
            file.Read();
        }
        catch (ReprException exception)
        {
            throw new ArgumentException(exception.Message, exception);
        }

        return new JwtAuthenticator(options, (_, _) => ValueTask.FromResult(TryRead(file, context)), null);
    }

    private static IReadOnlyList<SecurityKey>? TryRead(RereadFiles<IReadOnlyList<SecurityKey>> file, PluginContext context)
    {
        try
        {
            return file.Read();
        }
        catch (ReprException failure)
        {
            context.Warn($"No token can be checked: {failure.Message}");
            return null;
        }
    }
}
