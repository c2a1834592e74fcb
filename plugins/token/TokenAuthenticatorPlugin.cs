using System.Text;

namespace Repr.Security.Tokens;

/// <summary><c>token</c> of a worker: callers are known by tokens in a list.</summary>
public sealed class TokenAuthenticatorPlugin : IPlugin<IAuthenticator, TokenListOptions>
{
    /// <inheritdoc/>
    public string Name => "token";

    /// <inheritdoc/>
    public IAuthenticator Create(TokenListOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        if (options.Variable is { } variable)
        {
            string text = Environment.GetEnvironmentVariable(variable) ?? throw new ArgumentException($"The variable '{variable}' is not set.");
            try
            {
                TokenList list = TokenList.Parse(text);
                return new TokenAuthenticator(() => list, context);
            }
            catch (FormatException exception)
            {
                throw new ArgumentException($"The variable '{variable}' cannot be used: {exception.Message}", exception);
            }
        }

        RereadFiles<TokenList> file = new([options.File!], static contents => TokenList.Parse(Encoding.UTF8.GetString(contents[0])), context.Time);
        try
        {
            TokenList list = file.Read();
            if (list.HasPlain && TokenFiles.IsOpenToOthers(options.File!))
            {
                context.Warn($"'{options.File}' has tokens and can be read by other users; make its mode 0600, or put hashes into it.");
            }
        }
        catch (ReprException exception)
        {
            throw new ArgumentException(exception.Message, exception);
        }

        return new TokenAuthenticator(file.Read, context);
    }
}

/// <summary>Knows callers by a list. A list that cannot be read any more knows nobody.</summary>
internal sealed class TokenAuthenticator(Func<TokenList> read, PluginContext context) : IAuthenticator
{
    private string? _complaint;

    /// <inheritdoc/>
    public bool UsesCertificates => false;

    /// <inheritdoc/>
    public ValueTask<AuthenticationVerdict> AuthenticateAsync(PresentedCredentials presented, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(presented);
        return ValueTask.FromResult(presented.Token is { } token ? Judge(token) : AuthenticationVerdict.Pass());
    }

    private AuthenticationVerdict Judge(string token)
    {
        try
        {
            TokenList list = read();
            _complaint = null;
            return list.Find(token) is { } caller
                ? AuthenticationVerdict.Accept(caller)
                : AuthenticationVerdict.Pass("the token is not in the worker's list");
        }
        catch (ReprException failure)
        {
            if (Interlocked.Exchange(ref _complaint, failure.Message) != failure.Message)
            {
                context.Warn($"Nobody is let in by a token: {failure.Message}");
            }

            return AuthenticationVerdict.Refuse("the worker's list of tokens cannot be read; its log says why");
        }
    }
}
