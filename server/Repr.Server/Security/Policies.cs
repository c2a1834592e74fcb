using Microsoft.AspNetCore.Authorization;

namespace Repr.Server.Security;

/// <summary>
/// The policies of a worker, by what a call does; each names the scopes of which one suffices. An endpoint without a policy is refused
/// to everybody: whoever adds a service must say what it does.
/// </summary>
internal static class Policies
{
    /// <summary>Runs tools.</summary>
    public const string Execute = "Execute";

    /// <summary>Reads content by its digest, or a result by its action's.</summary>
    public const string Read = "Read";

    /// <summary>Writes content.</summary>
    public const string Write = "Write";

    /// <summary>Asks which content is there: for whoever reads or writes.</summary>
    public const string Find = "Find";

    /// <summary>Writes the result of an action, which others believe.</summary>
    public const string WriteResult = "WriteResult";

    /// <summary>Asks what the worker can do: for every caller that may do anything.</summary>
    public const string Introduce = "Introduce";

    /// <summary>Sees or changes the worker itself.</summary>
    public const string Administer = "Administer";

    /// <summary>The type of the claims in which a caller's scopes are.</summary>
    public const string ScopeClaim = "scope";

    private static readonly Dictionary<string, string[]> s_scopes = new(StringComparer.Ordinal)
    {
        [Execute] = [Scopes.Execute],
        [Read] = [Scopes.CasRead, Scopes.Execute],
        [Write] = [Scopes.CasWrite, Scopes.Execute],
        [Find] = [Scopes.CasRead, Scopes.CasWrite, Scopes.Execute],
        [WriteResult] = [Scopes.CasWrite],
        [Introduce] = [.. Scopes.All],
        [Administer] = [Scopes.Admin],
    };

    /// <summary>The scopes of which a policy asks one.</summary>
    public static IReadOnlyList<string> ScopesOf(string policy) => s_scopes[policy];

    /// <summary>Registers the policies.</summary>
    public static void Add(AuthorizationOptions options)
    {
        foreach ((string policy, string[] scopes) in s_scopes)
        {
            options.AddPolicy(policy, builder => builder.RequireAuthenticatedUser().RequireClaim(ScopeClaim, scopes));
        }

        AuthorizationPolicy nobody =
            new AuthorizationPolicyBuilder().RequireAuthenticatedUser().RequireAssertion(static _ => false).Build();
        options.DefaultPolicy = nobody;
        options.FallbackPolicy = nobody;
    }
}
