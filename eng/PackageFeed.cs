namespace Repr.Testing;

/// <summary>How builds get the packed SDK: what tests, benches and trials write beside their projects. (<c>eng/demo.sh</c> writes it as a user would.)</summary>
internal static class PackageFeed
{
    /// <summary>The file's name.</summary>
    public const string FileName = "nuget.config";

    /// <summary>The file: packages of a feed, and of nuget.org.</summary>
    /// <param name="feed">The directory with the packed SDK.</param>
    /// <param name="packages">Where NuGet unpacks: not the user's, whose packages of the same version may be older.</param>
    public static string Settings(string feed, string packages) => $"""
        <configuration>
          <packageSources>
            <clear />
            <add key="repr" value="{feed}" />
            <add key="nuget.org" value="https://api.nuget.org/v3/index.json" />
          </packageSources>
          <config><add key="globalPackagesFolder" value="{packages}" /></config>
        </configuration>
        """;
}
