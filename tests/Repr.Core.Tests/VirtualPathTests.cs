namespace Repr.Core.Tests;

public sealed class VirtualPathTests
{
    [Theory]
    [InlineData("/")]
    [InlineData("/a")]
    [InlineData("/home/ana/Größe und Maß/…/a.cs")]
    [InlineData("/a/...")]
    [InlineData("/a/..b")]
    public void A_normalised_absolute_path_is_accepted_as_it_is(string text) => Assert.Equal(text, VirtualPath.Parse(text).Text);

    [Theory]
    [InlineData(null, "is empty")]
    [InlineData("", "is empty")]
    [InlineData("a/b", "is not absolute")]
    [InlineData("/a/", "has an empty component")]
    [InlineData("//a", "has an empty component")]
    [InlineData("/a/./b", "has a '.' component")]
    [InlineData("/a/../b", "has a '..' component")]
    [InlineData("/..", "has a '..' component")]
    [InlineData("/a\0b", "contains a NUL character")]
    public void Anything_else_is_refused_with_the_reason(string? text, string reason)
    {
        ReprException refused = Assert.Throws<ReprException>(() => VirtualPath.Parse(text));

        Assert.Equal(ReprErrorCode.InvalidRequest, refused.Code);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_of_300_characters_is_refused()
    {
        ReprException refused = Assert.Throws<ReprException>(() => VirtualPath.Parse("/a/" + new string('n', 300)));

        Assert.Contains("longer than 255 bytes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lengths_are_counted_in_bytes()
    {
        string name = new('ß', 128); // 256 bytes of UTF-8

        Assert.False(VirtualPath.TryParse("/" + name, out _, out string? problem));
        Assert.Contains("255 bytes", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(127, true)] // and an ASCII letter: 255 bytes
    [InlineData(128, false)]
    public void A_name_may_have_255_bytes(int doubleBytes, bool isPath) =>
        Assert.Equal(isPath, VirtualPath.TryParse("/n" + new string('ß', doubleBytes), out _, out _));

    [Theory]
    [InlineData(45, true)] // names of 3 * 30 + 1 bytes with their slash: 4,095
    [InlineData(46, false)]
    public void A_path_may_have_4095_bytes(int names, bool isPath) =>
        Assert.Equal(isPath, VirtualPath.TryParse(string.Concat(Enumerable.Repeat("/" + new string('語', 30), names)), out _, out _));

    [Fact]
    public void A_path_of_5000_bytes_is_refused()
    {
        string text = string.Concat(Enumerable.Repeat("/abcdefghi", 500));

        Assert.False(VirtualPath.TryParse(text, out _, out string? problem));
        Assert.Contains("4095 bytes", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/a/b", "/a", true)]
    [InlineData("/a", "/a", true)]
    [InlineData("/ab", "/a", false)]
    [InlineData("/tmp/outevil/x", "/tmp/out", false)]
    [InlineData("/a", "/a/b", false)]
    [InlineData("/anything", "/", true)]
    public void IsWithin_compares_whole_components(string path, string root, bool expected) =>
        Assert.Equal(expected, VirtualPath.Parse(path).IsWithin(VirtualPath.Parse(root)));

    [Fact]
    public void Parent_name_and_append_fit_together()
    {
        VirtualPath path = VirtualPath.Parse("/a/b.cs");

        Assert.Equal("b.cs", path.Name);
        Assert.Equal("/a", path.Parent.Text);
        Assert.Equal(path, path.Parent.Append("b.cs"));
        Assert.Equal(VirtualPath.Root, path.Parent.Parent);
        Assert.Equal(VirtualPath.Root, VirtualPath.Root.Parent);
        Assert.Equal("/x", VirtualPath.Root.Append("x").Text);
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("")]
    public void Append_takes_one_name_only(string name) =>
        Assert.Throws<ReprException>(() => VirtualPath.Parse("/a").Append(name));
}
