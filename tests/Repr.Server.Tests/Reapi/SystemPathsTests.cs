using Repr.Server.Reapi;

namespace Repr.Server.Tests.Reapi;

public sealed class SystemPathsTests : IDisposable
{
    private readonly string _directory = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, $"system-{Guid.NewGuid():N}")).FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Directories_and_files_are_covered_and_links_are_links()
    {
        Directory.CreateDirectory(_directory + "/d/below");
        File.WriteAllText(_directory + "/f", "content");
        File.CreateSymbolicLink(_directory + "/l", "d");

        SystemPaths paths = SystemPaths.Find([_directory + "/l", _directory + "/d/below", _directory + "/f", _directory + "/d"]);

        Assert.Equal([_directory + "/d", _directory + "/f"], paths.Mounts.Select(path => path.Text));
        Assert.Equal("d", Assert.Single(paths.Facts.OfType<SymlinkFact>()).Target);
        Assert.Equal(_directory + "/f", Assert.Single(paths.Facts.OfType<FileFact>()).Path.Text);
        Assert.All(paths.Facts.OfType<DirectoryFact>(), directory => Assert.True(directory.IsComplete));
        Assert.Contains(VirtualPath.Parse(_directory), paths.Facts.Select(fact => fact.Path));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/proc")]
    [InlineData("/dev/shm")]
    [InlineData("/tmp")]
    [InlineData("/build")]
    [InlineData("relative")]
    [InlineData("/usr/../etc")]
    [InlineData("/absent-directory")]
    public void What_cannot_be_shown_is_refused_with_the_options_name(string path)
    {
        ArgumentException refused = Assert.Throws<ArgumentException>(() => SystemPaths.Find([path]));

        Assert.StartsWith("--reapi-system-path: '", refused.Message, StringComparison.Ordinal);
        Assert.Contains(path, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_default_fits_this_machine() => Assert.Contains(VirtualPath.Parse("/usr"), SystemPaths.Find(SystemPaths.Default).Mounts);
}
