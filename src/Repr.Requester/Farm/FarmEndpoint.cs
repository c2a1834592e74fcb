namespace Repr.Requester.Farm;

/// <summary>The endpoint that stands for a farm: <c>repr://farm</c>, or <c>repr://farm@host:port</c> with a worker to ask first.</summary>
internal static class FarmEndpoint
{
    /// <summary>The farm of the workers that the section <c>Discovery</c> of the settings knows.</summary>
    public static Uri Discovered { get; } = new("repr://farm");

    /// <summary>The form, for messages.</summary>
    public const string Form = "repr://farm@host:port";

    /// <summary>Whether an endpoint stands for a farm.</summary>
    public static bool Is(Uri endpoint) => endpoint == Discovered || SeedOf(endpoint) is not null;

    /// <summary>The worker that an endpoint names; null: none.</summary>
    public static Uri? SeedOf(Uri endpoint) =>
        endpoint is { Scheme: "repr", UserInfo: "farm", Host.Length: > 0, Port: > 0, AbsolutePath: "" or "/", Query: "", Fragment: "" }
            ? new UriBuilder("http", endpoint.IdnHost, endpoint.Port).Uri
            : null;
}
