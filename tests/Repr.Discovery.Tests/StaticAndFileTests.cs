namespace Repr.Discovery.Tests;

/// <summary>The plugins "static" and "file".</summary>
public sealed class StaticAndFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-discovery-").FullName;

    private string Workers => Path.Combine(_directory, "workers");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Static_addresses_are_the_only_set()
    {
        await using LoadedDiscovery discovery = LoadedDiscovery.Load("static", new { Addresses = new[] { "http://10.0.0.1:7070", "https://b.example.com:7071" } });

        Assert.Equal(["http://10.0.0.1:7070", "https://b.example.com:7071"], await discovery.NextAsync());
    }

    [Theory]
    [InlineData("ftp://10.0.0.1")]
    [InlineData("http://10.0.0.1:7070/path")]
    public void What_is_no_address_is_a_wrong_setting(string address) => Assert.Contains(
        address,
        Assert.Throws<ArgumentException>(() => LoadedDiscovery.Load("static", new { Addresses = new[] { address } })).Message,
        StringComparison.Ordinal);

    [Fact]
    public async Task A_file_is_read_again_when_it_is_written_and_when_it_is_replaced()
    {
        File.WriteAllText(Workers, "# the farm\nhttp://10.0.0.1:7070  # old\n\nhttp://10.0.0.2:7070\n");
        await using LoadedDiscovery discovery = LoadedDiscovery.Load("file", new { Path = Workers, CheckSeconds = 3600 });
        Assert.Equal(["http://10.0.0.1:7070", "http://10.0.0.2:7070"], await discovery.NextAsync());

        File.AppendAllText(Workers, "http://10.0.0.3:7070\n");
        await discovery.ExpectAsync("http://10.0.0.1:7070", "http://10.0.0.2:7070", "http://10.0.0.3:7070");

        File.WriteAllText(Workers + ".new", "http://10.0.0.9:7070\n");
        File.Move(Workers + ".new", Workers, overwrite: true);
        await discovery.ExpectAsync("http://10.0.0.9:7070");
    }

    [Fact]
    public async Task A_file_that_is_written_anew_in_place_never_looks_empty()
    {
        File.WriteAllText(Workers, "http://10.0.0.1:7070\n");
        await using LoadedDiscovery discovery = LoadedDiscovery.Load("file", new { Path = Workers, CheckSeconds = 3600 });
        await discovery.NextAsync();
        Task<IEnumerable<string>> next = discovery.NextAsync();

        File.WriteAllText(Workers, ""); // as "echo ... > workers" does at first
        File.AppendAllText(Workers, "http://10.0.0.2:7070\n");

        Assert.Equal(["http://10.0.0.2:7070"], await next);
    }

    [Fact]
    public void All_that_is_wrong_with_options_is_told_at_once()
    {
        string message = Assert.Throws<ArgumentException>(() => LoadedDiscovery.Load("file", new { Path = "workers", CheckSeconds = 0, Colour = "red" })).Message;

        Assert.Equal(
            ["Discovery:0:Options:CheckSeconds", "Discovery:0:Options:Colour", "Discovery:0:Options:Path"],
            message.Split('\n').Select(line => line.Split(": ")[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Where_nothing_tells_of_changes_time_does()
    {
        // As Kubernetes shows a ConfigMap: the name is a link through another one, and only that one changes.
        Directory.CreateDirectory(Path.Combine(_directory, "1"));
        Directory.CreateDirectory(Path.Combine(_directory, "2"));
        Directory.CreateDirectory(Path.Combine(_directory, "mount"));
        File.WriteAllText(Path.Combine(_directory, "1/workers"), "http://10.0.0.1:7070");
        File.WriteAllText(Path.Combine(_directory, "2/workers"), "http://10.0.0.2:7070");
        Directory.CreateSymbolicLink(Path.Combine(_directory, "data"), "1");
        File.CreateSymbolicLink(Path.Combine(_directory, "mount/workers"), "../data/workers");
        await using LoadedDiscovery discovery = LoadedDiscovery.Load("file", new { Path = Path.Combine(_directory, "mount/workers"), CheckSeconds = 1 });
        Assert.Equal(["http://10.0.0.1:7070"], await discovery.NextAsync());

        Directory.CreateSymbolicLink(Path.Combine(_directory, "new"), "2");
        File.Delete(Path.Combine(_directory, "data"));
        Directory.Move(Path.Combine(_directory, "new"), Path.Combine(_directory, "data"));

        Assert.Equal(["http://10.0.0.2:7070"], await discovery.NextAsync());
    }

    [Fact]
    public async Task A_file_that_is_missing_or_wrong_fails_and_is_read_when_it_is_right_again()
    {
        await using LoadedDiscovery discovery = LoadedDiscovery.Load("file", new { Path = Workers });
        await Assert.ThrowsAsync<FileNotFoundException>(discovery.NextAsync);

        File.WriteAllText(Workers, "http://10.0.0.1:7070\nnonsense\n");
        Assert.Contains("line 2", (await Assert.ThrowsAsync<FormatException>(discovery.NextAsync)).Message, StringComparison.Ordinal);

        File.WriteAllText(Workers, "");
        Assert.Empty(await discovery.NextAsync());
    }
}
