using System.Globalization;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Repr.Server.Security;

/// <summary>
/// ASP.NET Core's authentication with the worker's authenticators: asks them in order, and answers refused calls in the way of gRPC
/// (UNAUTHENTICATED, PERMISSION_DENIED) with a sentence for a person. Without an authenticator everybody may do everything.
/// </summary>
internal sealed partial class CallerHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logging, UrlEncoder encoder, CallerAuthenticators authenticators)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logging, encoder)
{
    /// <summary>What callers are called where nobody is authenticated.</summary>
    public const string Anybody = "anyone";

    /// <summary>The only scheme.</summary>
    public const string SchemeName = "Repr";

    private const int MaximumText = 1000;
    private const string BearerPrefix = "Bearer ";

    // https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
    private const int PermissionDenied = 7;
    private const int Unimplemented = 12;
    private const int Unauthenticated = 16;

    /// <inheritdoc/>
    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (authenticators.All.Count == 0)
        {
            return Success(new Caller(Anybody, Scopes.All));
        }

        string header = Request.Headers[HeaderNames.Authorization].ToString();
        string? token = header.StartsWith(BearerPrefix, StringComparison.OrdinalIgnoreCase) ? header[BearerPrefix.Length..].Trim() : null;
        PresentedCredentials presented = new(token, Context.Connection.ClientCertificate);
        List<string> reasons = [];
        foreach (IAuthenticator authenticator in authenticators.All)
        {
            AuthenticationVerdict verdict = await authenticator.AuthenticateAsync(presented, Context.RequestAborted);
            if (verdict.Caller is { } caller)
            {
                return Success(caller with { Name = Printable(caller.Name) });
            }

            if (verdict.IsFinal)
            {
                return AuthenticateResult.Fail(verdict.Reason!);
            }

            if (verdict.Reason is { } reason)
            {
                reasons.Add(reason);
            }
        }

        return AuthenticateResult.Fail(reasons.Count > 0 ? string.Join("; ", reasons) : NothingShown(presented));
    }

    /// <inheritdoc/>
    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        AuthenticateResult result = await HandleAuthenticateOnceSafeAsync();
        string reason = Printable(result.Failure?.Message.TrimEnd('.') ?? "it shows nothing");
        Log.NotKnown(Logger, Context.Connection.RemoteIpAddress?.ToString() ?? "", Request.Path, reason);
        Response.Headers[HeaderNames.WWWAuthenticate] = "Bearer";
        await RefuseAsync(StatusCodes.Status401Unauthorized, Unauthenticated, $"The worker does not know the caller: {reason}.");
    }

    /// <inheritdoc/>
    protected override Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        string name = Context.User.Identity?.Name ?? "";
        if (Context.GetEndpoint()?.Metadata.GetOrderedMetadata<IAuthorizeData>().Select(static data => data.Policy).OfType<string>().FirstOrDefault()
            is not { } policy)
        {
            // Also what no service has: gRPC answers that with an endpoint of its own.
            return RefuseAsync(StatusCodes.Status404NotFound, Unimplemented, $"This worker has no '{Request.Path}'.");
        }

        string needed = string.Join("' or '", Policies.ScopesOf(policy));
        string has = string.Join(", ", Context.User.FindAll(Policies.ScopeClaim).Select(static claim => claim.Value));
        Log.NotAllowed(Logger, name, Request.Path, needed);
        return RefuseAsync(
            StatusCodes.Status403Forbidden,
            PermissionDenied,
            $"'{name}' may not call '{Request.Path}' on this worker: that needs the scope '{needed}', the caller has {(has.Length > 0 ? has : "none")}.");
    }

    private static string NothingShown(PresentedCredentials presented) => (presented.Token, presented.Certificate) switch
    {
        (null, null) => "the call has neither a token nor a client certificate that is asked for here",
        (null, _) => "nobody here knows the client certificate",
        _ => "nobody here knows the token",
    };

    // What a stranger wrote must not look like lines of the log.
    private static string Printable(string text) => string.Concat(
        text.Take(MaximumText).Select(static character => char.IsControl(character) ? '?' : character));

    private static AuthenticateResult Success(Caller caller)
    {
        ClaimsIdentity identity = new(SchemeName);
        identity.AddClaim(new Claim(identity.NameClaimType, caller.Name));
        identity.AddClaims(caller.Scopes.Select(static scope => new Claim(Policies.ScopeClaim, scope)));
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    // gRPC over HTTP/2, "Trailers-Only": the status is in the headers of a response without a body.
    private async Task RefuseAsync(int status, int grpcStatus, string message)
    {
        if (Request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true)
        {
            Response.StatusCode = StatusCodes.Status200OK;
            Response.ContentType = "application/grpc";
            Response.Headers["grpc-status"] = grpcStatus.ToString(CultureInfo.InvariantCulture);
            Response.Headers["grpc-message"] = Uri.EscapeDataString(message);
            await Response.CompleteAsync();
            return;
        }

        Response.StatusCode = status;
        await Response.WriteAsync(message + "\n", Context.RequestAborted);
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "{Address} is not known and may not call {Call}: {Reason}")]
        public static partial void NotKnown(ILogger log, string address, string call, string reason);

        [LoggerMessage(LogLevel.Warning, "{Caller} may not call {Call}: that needs the scope '{Scope}'")]
        public static partial void NotAllowed(ILogger log, string caller, string call, string scope);
    }
}
