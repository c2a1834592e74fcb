using Repr.Requester.Files;

namespace Repr.Requester.Tests.Files;

public sealed class TreeWatchTests : IDisposable
{
    private static readonly Dictionary<string, Action<TemporaryDirectory>> s_changes = new()
    {
        { "a file's content", files => File.AppendAllText(files.At("a/file"), "more") },
        { "a file's mode", files => File.SetUnixFileMode(files.At("a/file"), UnixFileMode.UserRead) },
        { "a file's time", files => File.SetLastWriteTimeUtc(files.At("a/file"), DateTime.UnixEpoch) },
        { "a new file", files => files.Write("a/new", "") },
        { "a file less", files => File.Delete(files.At("a/file")) },
        { "a file replaced", files => File.Move(files.Write("b/other", "other"), files.At("a/file"), overwrite: true) },
        { "a directory's mode", files => File.SetUnixFileMode(files.At("a"), UnixFileMode.UserRead | UnixFileMode.UserExecute) },
        { "the directory's name", files => Directory.Move(files.At("a"), files.At("c")) },
    };

    private readonly TemporaryDirectory _files = new();
    private readonly TreeWatch _watch = TreeWatch.TryCreate()!;

    public static TheoryData<string> Changes => [.. s_changes.Keys];

    public void Dispose()
    {
        _watch.Dispose();
        _files.Dispose();
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_change_is_seen_at_once(string what)
    {
        _files.Write("a/file", "content");
        Directory.CreateDirectory(_files.At("b"));
        Assert.True(_watch.TryAdd(_files.VirtualAt("a"), names: null, withFiles: true, out bool isNew));
        Assert.True(isNew);
        long before = _watch.Version;
        Assert.Equal(before, _watch.Version);

        s_changes[what](_files);

        Assert.True(_watch.Version > before, what);
    }

    [Fact]
    public void Reading_is_no_change()
    {
        _files.Write("a/file", "content");
        _watch.TryAdd(_files.VirtualAt("a"), names: null, withFiles: true, out _);
        long before = _watch.Version;

        File.ReadAllText(_files.At("a/file"));
        Directory.GetFiles(_files.At("a"));

        Assert.Equal(before, _watch.Version);
    }

    [Fact]
    public void A_directory_on_the_way_does_not_count_the_content_of_its_files()
    {
        _files.Write("a/file", "content");
        _watch.TryAdd(_files.VirtualAt("a"), names: null, withFiles: false, out _);
        long before = _watch.Version;

        File.AppendAllText(_files.At("a/file"), "more");
        Assert.Equal(before, _watch.Version);

        Assert.True(_watch.TryAdd(_files.VirtualAt("a"), names: null, withFiles: true, out bool isNew));
        Assert.True(isNew);
        File.AppendAllText(_files.At("a/file"), "more");
        Assert.NotEqual(before, _watch.Version);
    }

    [Fact]
    public void What_becomes_of_names_that_do_not_matter_is_no_news_but_that_the_directory_is_busy()
    {
        _files.Write("a/file", "content");
        _watch.TryAdd(_files.VirtualAt("a"), new HashSet<string> { "file", "none" }, withFiles: true, out _);
        long before = _watch.Version;

        _files.Write("a/other", "content"); // the directory's own time is another, too
        Assert.NotEqual(before, before = _watch.Version);
        Assert.True(_watch.IsBusy(_files.VirtualAt("a")));

        File.AppendAllText(_files.At("a/other"), "more");
        File.Move(_files.At("a/other"), _files.At("a/another"));
        File.Delete(_files.At("a/another"));
        Assert.Equal(before, _watch.Version);

        _files.Write("a/none", "");
        Assert.NotEqual(before, before = _watch.Version);
        File.AppendAllText(_files.At("a/file"), "more");
        Assert.NotEqual(before, before = _watch.Version);
        File.SetUnixFileMode(_files.At("a"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.NotEqual(before, _watch.Version);
    }

    [Fact]
    public void Writing_to_a_file_that_does_not_matter_is_nothing()
    {
        _files.Write("a/file", "content");
        _files.Write("a/other", "content");
        _watch.TryAdd(_files.VirtualAt("a"), new HashSet<string> { "file" }, withFiles: true, out _);
        long before = _watch.Version;

        File.AppendAllText(_files.At("a/other"), "more");
        File.SetUnixFileMode(_files.At("a/other"), UnixFileMode.UserRead);

        Assert.Equal(before, _watch.Version);
        Assert.False(_watch.IsBusy(_files.VirtualAt("a")));
    }

    [Fact]
    public void A_directory_is_new_when_another_of_its_names_matters()
    {
        Directory.CreateDirectory(_files.At("a"));
        _watch.TryAdd(_files.VirtualAt("a"), new HashSet<string> { "one" }, withFiles: false, out _);
        _watch.TryAdd(_files.VirtualAt("a"), new HashSet<string> { "one" }, withFiles: false, out bool isNew);
        Assert.False(isNew);

        _watch.TryAdd(_files.VirtualAt("a"), new HashSet<string> { "two" }, withFiles: false, out isNew);
        Assert.True(isNew);
        long before = _watch.Version;
        _files.Write("a/one", "");
        Assert.NotEqual(before, _watch.Version);

        _watch.TryAdd(_files.VirtualAt("a"), names: null, withFiles: false, out isNew);
        Assert.True(isNew);
        before = _watch.Version;
        _files.Write("a/three", "");
        Assert.NotEqual(before, _watch.Version);
    }

    [Fact]
    public void The_same_directory_is_new_once_and_again_when_it_is_another()
    {
        Directory.CreateDirectory(_files.At("a"));
        _watch.TryAdd(_files.VirtualAt("a"), names: null, withFiles: false, out _);
        Assert.True(_watch.TryAdd(_files.VirtualAt("a"), names: null, withFiles: false, out bool isNew));
        Assert.False(isNew);

        Directory.Move(_files.At("a"), _files.At("b"));
        Directory.CreateDirectory(_files.At("a"));

        Assert.True(_watch.TryAdd(_files.VirtualAt("a"), names: null, withFiles: false, out isNew));
        Assert.True(isNew);
    }

    [Theory]
    [InlineData("/proc")] // changes there make no events
    [InlineData("/no/such/directory")]
    public void What_cannot_be_watched_is_told(string directory) =>
        Assert.False(_watch.TryAdd(VirtualPath.Parse(directory), names: null, withFiles: false, out _));
}
