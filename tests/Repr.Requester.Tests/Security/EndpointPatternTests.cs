using Repr.Requester.Security;

namespace Repr.Requester.Tests.Security;

public sealed class EndpointPatternTests
{
    [Theory]
    [InlineData("https://build.example.com:7070", "https://build.example.com:7070", true)]
    [InlineData("https://build.example.com:7070", "https://BUILD.example.com:7070/", true)]
    [InlineData("https://build.example.com:7070", "https://build.example.com:7071", false)]
    [InlineData("https://build.example.com:7070", "http://build.example.com:7070", false)]
    [InlineData("https://build.example.com", "https://build.example.com:443", true)]
    [InlineData("https://build.example.com", "https://build.example.com.evil.org", false)]
    [InlineData("https://*.example.com:7070", "https://a.example.com:7070", true)]
    [InlineData("https://*.example.com:7070", "https://a.b.example.com:7070", true)]
    [InlineData("https://*.example.com:7070", "https://example.com:7070", false)]
    [InlineData("https://*.example.com:7070", "https://evilexample.com:7070", false)]
    [InlineData("https://*.example.com:7070", "https://a.example.com.evil.org:7070", false)]
    [InlineData("http://127.0.0.1:7070", "http://127.0.0.1:7070", true)]
    [InlineData("http://localhost:7070", "http://127.0.0.1:7070", false)]
    [InlineData("https://[::1]:7070", "https://[::1]:7070", true)]
    public void A_pattern_matches_the_addresses_that_it_says(string pattern, string endpoint, bool matches)
    {
        Assert.True(EndpointPattern.TryParse(pattern, out EndpointPattern? parsed, out string? problem), problem);
        Assert.Equal(matches, parsed.Matches(new Uri(endpoint)));
    }

    [Theory]
    [InlineData(null, "is no address")]
    [InlineData("", "is no address")]
    [InlineData("build.example.com:7070", "is no address")]
    [InlineData("https://user@build.example.com", "is no address")]
    [InlineData("https://build.example.com/path", "is no address")]
    [InlineData("https://*:7070", "is no address")]
    [InlineData("ftp://build.example.com", "is no address")]
    [InlineData("http://build.example.com:7070", "is not encrypted")]
    [InlineData("http://*.example.com:7070", "is not encrypted")]
    public void What_would_show_a_token_to_anyone_is_no_pattern(string? pattern, string why)
    {
        Assert.False(EndpointPattern.TryParse(pattern, out _, out string? problem));
        Assert.Contains(why, problem, StringComparison.Ordinal);
    }
}
