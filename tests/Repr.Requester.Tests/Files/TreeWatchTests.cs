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

    private static DirectoryInterest All => new() { AllNames = true, Files = true, Time = true };

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
        Assert.True(Add("a", All));
        long before = _watch.Version;
        Assert.Equal(before, _watch.Version);

        s_changes[what](_files);

        Assert.True(_watch.Version > before, what);
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_change_of_what_matters_is_seen_in_a_busy_directory_too(string what)
    {
        _files.Write("a/file", "content");
        Directory.CreateDirectory(_files.At("b"));
        Add("a", Of("file", "new"));
        _files.Write("a/other", "");
        long before = _watch.Version;
        Assert.True(_watch.IsBusy(_files.VirtualAt("a")));

        s_changes[what](_files);

        Assert.True(_watch.Version > before, what);
    }

    [Fact]
    public void Reading_is_no_change()
    {
        _files.Write("a/file", "content");
        Add("a", All);
        long before = _watch.Version;

        File.ReadAllText(_files.At("a/file"));
        Directory.GetFiles(_files.At("a"));

        Assert.Equal(before, _watch.Version);
    }

    [Fact]
    public void A_directory_on_the_way_does_not_count_the_content_of_its_files()
    {
        _files.Write("a/file", "content");
        Add("a", new DirectoryInterest { AllNames = true });
        long before = _watch.Version;

        File.AppendAllText(_files.At("a/file"), "more");
        Assert.Equal(before, _watch.Version);

        Assert.True(Add("a", All));
        File.AppendAllText(_files.At("a/file"), "more");
        Assert.NotEqual(before, _watch.Version);
    }

    [Fact]
    public void Names_that_do_not_matter_come_and_go_unnoticed_but_for_the_first()
    {
        _files.Write("a/file", "content");
        Add("a", Of("file", "none"));
        long before = _watch.Version;

        _files.Write("a/other", ""); // the directory's own time is another, too
        Assert.NotEqual(before, before = _watch.Version);
        Assert.True(_watch.IsBusy(_files.VirtualAt("a")));

        File.Move(_files.At("a/other"), _files.At("a/another"));
        File.Delete(_files.At("a/another"));
        Assert.Equal(before, _watch.Version);

        File.Move(_files.Write("b/other", ""), _files.At("a/none"));
        Assert.NotEqual(before, _watch.Version);
    }

    [Fact]
    public void A_directory_whose_time_does_not_matter_does_not_become_busy()
    {
        Directory.CreateDirectory(_files.At("a"));
        Add("a", new DirectoryInterest { Names = { "file" } });
        long before = _watch.Version;

        _files.Write("a/other", "content");
        File.AppendAllText(_files.At("a/other"), "more");
        File.SetUnixFileMode(_files.At("a/other"), UnixFileMode.UserRead);

        Assert.Equal(before, _watch.Version);
        Assert.False(_watch.IsBusy(_files.VirtualAt("a")));
    }

    [Fact]
    public void A_file_that_gets_a_second_name_is_seen_to_change_by_it()
    {
        _files.Write("a/file", "content");
        Add("a", Of("file"));
        _files.Write("a/other", "");
        long before = _watch.Version;
        _files.Link("a/file", "a/second");
        Assert.Equal(before, _watch.Version);

        File.AppendAllText(_files.At("a/second"), "more");

        Assert.NotEqual(before, _watch.Version);
    }

    [Fact]
    public void A_directory_is_new_when_more_of_it_matters()
    {
        Directory.CreateDirectory(_files.At("a"));
        Assert.True(Add("a", Of("one")));
        Assert.False(Add("a", Of("one")));
        _files.Write("a/other", "");
        long before = _watch.Version;

        Assert.True(Add("a", Of("two")));
        _files.Write("a/one", "");
        Assert.NotEqual(before, before = _watch.Version);
        _files.Write("a/two", "");
        Assert.NotEqual(before, before = _watch.Version);

        Assert.True(Add("a", All));
        _files.Write("a/three", "");
        Assert.NotEqual(before, _watch.Version);
    }

    [Fact]
    public void A_directory_is_new_too_for_whoever_began_before_somebody_else_added_it()
    {
        Directory.CreateDirectory(_files.At("a"));
        long since = _watch.Additions;
        Assert.True(Add("a", Of("one")));

        _watch.TryAdd(_files.VirtualAt("a"), Of("one"), since, out bool isNew);

        Assert.True(isNew);
        since = _watch.Additions;
        Assert.True(Add("a", Of("two")));
        _watch.TryAdd(_files.VirtualAt("a"), Of("one"), since, out isNew);
        Assert.False(isNew); // that other name is not its business
    }

    [Fact]
    public void A_directory_that_is_removed_and_made_again_is_new_and_watched()
    {
        Directory.CreateDirectory(_files.At("a"));
        Add("a", Of("file"));
        long before = _watch.Version;
        Directory.Delete(_files.At("a"));
        Assert.NotEqual(before, _watch.Version);

        Directory.CreateDirectory(_files.At("a"));
        Assert.True(Add("a", Of("file")));
        before = _watch.Version;
        _files.Write("a/file", "");

        Assert.NotEqual(before, _watch.Version);
    }

    [Fact]
    public void The_same_directory_is_new_once_and_again_when_it_is_another()
    {
        Directory.CreateDirectory(_files.At("a"));
        Add("a", All);
        Assert.False(Add("a", All));

        Directory.Move(_files.At("a"), _files.At("b"));
        Directory.CreateDirectory(_files.At("a"));

        Assert.True(Add("a", All));
    }

    [Theory]
    [InlineData("/proc")] // changes there make no events
    [InlineData("/no/such/directory")]
    public void What_cannot_be_watched_is_told(string directory) =>
        Assert.False(_watch.TryAdd(VirtualPath.Parse(directory), All, since: 0, out _));

    private static DirectoryInterest Of(params string[] names) => new() { Names = [.. names], Files = true, Time = true };

    private bool Add(string directory, DirectoryInterest interest)
    {
        Assert.True(_watch.TryAdd(_files.VirtualAt(directory), interest, _watch.Additions, out bool isNew));
        return isNew;
    }
}
