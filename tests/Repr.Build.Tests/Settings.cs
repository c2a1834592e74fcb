namespace Repr.Build.Tests;

/// <summary>Settings of a project.</summary>
internal static class Settings
{
    /// <summary>With something of each kind, of no worker.</summary>
    public static RemoteSettings Any { get; } = new()
    {
        Endpoint = "http://worker:7070",
        FailInsteadOfFallback = false,
        ReadRoots = ["/src"],
        WriteRoots = ["/src"],
        ExecPatterns = [],
        Cache = "",
        Placement = "",
        PlaceholderDirectory = "",
        BuildId = "build",
        EmptyMapping = false,
        ToolPath = "/repr.dll",
    };
}
