namespace Repr.Cas.Far.Tests;

/// <summary>Settings that are wrong are found before anything is made, named, and not repeated where they may be secrets.</summary>
public sealed class OptionsTests
{
    private const string Secret = "c2VjcmV0";

    [Theory]
    [InlineData("redis", "{}", "Stores:0:Options:Servers")]
    [InlineData("redis", """{ "Servers": "a", "MaxRetries": 11 }""", "Stores:0:Options:MaxRetries")]
    [InlineData("redis", """{ "Servers": "a", "Timeout": "00:00:00" }""", "Stores:0:Options:Timeout")]
    [InlineData("redis", """{ "Servers": "a", "TimeToLive": "00:00:01" }""", "Stores:0:Options:TimeToLive")]
    [InlineData("redis", """{ "Servers": "a", "KeyPrefix": "a b" }""", "Stores:0:Options:KeyPrefix")]
    [InlineData("redis", """{ "Servers": "a", "Compression": "Gzip" }""", "Stores:0:Options:Compression: is no one of None, Zstd")]
    [InlineData("redis", """{ "Servers": "a", "Server": "b" }""", "Stores:0:Options:Server: there is no such setting")]
    [InlineData("s3", "{}", "Stores:0:Options:Bucket")]
    [InlineData("s3", """{ "Bucket": "b", "ServiceUrl": "ftp://a" }""", "Stores:0:Options:ServiceUrl")]
    [InlineData("s3", """{ "Bucket": "b", "SecretKey": "c2VjcmV0" }""", "Stores:0:Options:SecretKey")]
    [InlineData("s3", """{ "Bucket": "b", "SessionToken": "c2VjcmV0" }""", "Stores:0:Options:SessionToken")]
    [InlineData("s3", """{ "Bucket": "b", "PartBytes": 1000 }""", "Stores:0:Options:PartBytes")]
    [InlineData("azure", """{ "Container": "blobs" }""", "Stores:0:Options:ConnectionString")]
    [InlineData("azure", """{ "Container": "Blobs!", "ConnectionString": "c2VjcmV0" }""", "Stores:0:Options:Container")]
    [InlineData("azure", """{ "Container": "blobs", "ServiceUri": "https://a", "AccountKey": "c2VjcmV0" }""", "Stores:0:Options:AccountKey")]
    [InlineData("azure", """{ "Container": "blobs", "ServiceUri": "http://a" }""", "Stores:0:Options:ServiceUri")]
    [InlineData("azure", """{ "Container": "blobs", "ServiceUri": "https://a?sig=1", "SasToken": "c2VjcmV0" }""", "Stores:0:Options:ServiceUri")]
    public void What_is_wrong_is_named_and_no_secret_is_repeated(string plugin, string options, string expected)
    {
        IReadOnlyList<string> problems = Plugins.ProblemsOf(plugin, Parse(options));

        Assert.Contains(problems, problem => problem.StartsWith(expected, StringComparison.Ordinal));
        Assert.DoesNotContain(problems, static problem => problem.Contains(Secret, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("redis", """{ "Servers": "" , "Password": "c2VjcmV0" }""")]
    [InlineData("redis", """{ "Servers": "redis:6379,pasword=c2VjcmV0" }""")]
    [InlineData("redis", """{ "Servers": "ssl=true,password=c2VjcmV0" }""")]
    [InlineData("azure", """{ "Container": "blobs", "ConnectionString": "AccountKey=c2VjcmV0" }""")]
    [InlineData("azure", """{ "Container": "blobs", "ServiceUri": "https://a", "AccountName": "a", "AccountKey": "no base64: c2VjcmV0" }""")]
    public void What_only_the_client_knows_to_be_wrong_is_told_without_secrets(string plugin, string options)
    {
        IReadOnlyList<string> problems = Plugins.ProblemsOf(plugin, Parse(options));
        string told = problems.Count > 0
            ? string.Join('\n', problems)
            : Assert.Throws<ArgumentException>(() => Plugins.Create(plugin, Parse(options))).ToString();

        Assert.DoesNotContain(Secret, told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("redis")]
    [InlineData("s3")]
    [InlineData("azure")]
    public void Every_option_is_documented(string plugin)
    {
        string document = File.ReadAllText(Path.Combine(Repository.Root, "docs/plugins.md"));
        string told = Plugins.ProblemsOf(plugin, Parse("""{ "NoSuchOption": 1 }""")).First(static problem => problem.Contains("known: ", StringComparison.Ordinal));
        string[] known = told[(told.IndexOf("known: ", StringComparison.Ordinal) + 7)..].TrimEnd('.').Split(", ");

        Assert.NotEmpty(known);
        Assert.All(known, option => Assert.Contains($"`{option}`", document, StringComparison.Ordinal));
    }

    private static Dictionary<string, object?> Parse(string options) =>
        System.Text.Json.JsonSerializer.Deserialize<Dictionary<string, object?>>(options)!;
}
