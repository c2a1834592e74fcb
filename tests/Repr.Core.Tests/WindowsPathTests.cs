using System.Text;

namespace Repr.Core.Tests;

public sealed class WindowsPathTests
{
    private const int Cases = 20_000;

    [Theory]
    [InlineData(@"C:\src\x.cs", "/C:/src/x.cs")]
    [InlineData(@"c:\Src\X.cs", "/C:/Src/X.cs")]
    [InlineData(@"C:\", "/C:")]
    [InlineData("c:/a/b", "/C:/a/b")]
    [InlineData(@"C:\a//\b\", "/C:/a/b")]
    [InlineData(@"C:\a\.\b\..\c", "/C:/a/c")]
    [InlineData(@"C:\..\..\a", "/C:/a")]
    [InlineData(@"C:\a\..", "/C:")]
    [InlineData(@"\\?\C:\a\b", "/C:/a/b")]
    [InlineData(@"\??\c:\a", "/C:/a")]
    [InlineData(@"\\.\C:\a\..\b", "/C:/b")]
    [InlineData("//./C:/a", "/C:/a")]
    [InlineData("//?/C:/a/../b", "/C:/b")]
    [InlineData(@"C:\a. . ", "/C:/a")]
    [InlineData(@"C:\a.\b", "/C:/a/b")]
    [InlineData(@"C:\größe\Maß …\𝒳.cs", "/C:/größe/Maß …/𝒳.cs")]
    [InlineData(@"C:\.git\..x\a..b", "/C:/.git/..x/a..b")]
    [InlineData(@"C:\CONSOLE\nullable.cs\COM\LPT10\com", "/C:/CONSOLE/nullable.cs/COM/LPT10/com")]
    [InlineData(@"C:\PROGRA~1\x", "/C:/PROGRA~1/x")]
    public void An_absolute_path_is_read_as_windows_reads_it(string text, string expected)
    {
        Assert.True(WindowsPath.TryParse(text, out VirtualPath path, out string? problem), problem);
        Assert.Equal(expected, path.Text);
        Assert.Equal(path, WindowsPath.Parse(WindowsPath.Format(path)));
        Assert.Equal(path, WindowsPath.Parse(@"\\?\" + WindowsPath.Format(path)));
    }

    [Theory]
    [InlineData(null, "is empty")]
    [InlineData("", "is empty")]
    [InlineData(@"a\b", "is not absolute")]
    [InlineData(@"\a", "is not absolute")]
    [InlineData("/C:/a", "is not absolute")]
    [InlineData("C:a", "relative to the current directory of drive C:")]
    [InlineData("C:", "relative to the current directory of drive C:")]
    [InlineData(@"\\server\share\x", "network share")]
    [InlineData("//server/share/x", "network share")]
    [InlineData(@"\\?\UNC\server\share\x", "network share")]
    [InlineData(@"\\.\UNC\server\share\x", "network share")]
    [InlineData(@"\\.\pipe\repr", "names a device")]
    [InlineData(@"\\.\PhysicalDrive0", "names a device")]
    [InlineData(@"\\?\GLOBALROOT\Device\HarddiskVolume1\x", "names a device")]
    [InlineData(@"\\.\C:", "names a drive as a device")]
    [InlineData(@"\\?\Volume{00000000-0000-0000-0000-000000000000}\x", "names a volume")]
    [InlineData(@"\\?\C:\a/b", "does not separate")]
    [InlineData(@"\\?\C:\a\..\b", "has a '..' component")]
    [InlineData(@"\\?\C:\a\\b", "has an empty name")]
    [InlineData(@"\\?\C:\a.", "dot or a space")]
    [InlineData(@"\\?\C:\a \b", "dot or a space")]
    [InlineData(@"C:\a \..\b", "dot or a space")]
    [InlineData(@"C:\a..\b", "dot or a space")]
    [InlineData(@"C:\a\...", "dots and spaces")]
    [InlineData(@"C:\a\. \b", "dot or a space")]
    [InlineData(@"C:\NUL", "names a device")]
    [InlineData(@"C:\a\con", "names a device")]
    [InlineData(@"C:\a\Aux.h", "names a device")]
    [InlineData(@"C:\nul.tar.gz\x", "names a device")]
    [InlineData(@"C:\COM1", "names a device")]
    [InlineData(@"C:\lpt9.txt", "names a device")]
    [InlineData("C:\\COM\u00b9.txt", "names a device")]
    [InlineData(@"C:\NUL .txt", "names a device")]
    [InlineData(@"C:\CONIN$", "names a device")]
    [InlineData(@"C:\a.txt:stream", "alternate data stream")]
    [InlineData(@"C:\a.txt::$DATA", "alternate data stream")]
    [InlineData(@"C:\a:b\c", "alternate data stream")]
    [InlineData(@"C:\a?b", "the character ?")]
    [InlineData(@"C:\*.cs", "the character *")]
    [InlineData("C:\\a<b", "the character <")]
    [InlineData("C:\\a\"b", "the character \"")]
    [InlineData("C:\\a|b", "the character |")]
    [InlineData("C:\\a\tb", "control character 9")]
    [InlineData("C:\\a\0b", "control character 0")]
    [InlineData("1:\\a", "is not absolute")]
    [InlineData("Ä:\\a", "is not absolute")]
    public void Anything_else_is_refused_with_the_reason(string? text, string reason)
    {
        ReprException refused = Assert.Throws<ReprException>(() => WindowsPath.Parse(text));

        Assert.Equal(ReprErrorCode.InvalidRequest, refused.Code);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x.cs", "/C:/src/app/x.cs")]
    [InlineData(@"..\lib\.\x.cs", "/C:/src/lib/x.cs")]
    [InlineData(@"..\..\..\x", "/C:/x")]
    [InlineData(@"\x", "/C:/x")]
    [InlineData("/x/y", "/C:/x/y")]
    [InlineData(@"c:obj\x", "/C:/src/app/obj/x")]
    [InlineData("C:", "/C:/src/app")]
    [InlineData(@"d:\x", "/D:/x")]
    [InlineData(".", "/C:/src/app")]
    public void A_relative_path_starts_at_the_current_directory(string text, string expected)
    {
        Assert.True(WindowsPath.TryParse(text, VirtualPath.Parse("/C:/src/app"), out VirtualPath path, out string? problem), problem);
        Assert.Equal(expected, path.Text);
    }

    [Fact]
    public void Of_another_drive_the_current_directory_is_not_known()
    {
        Assert.False(WindowsPath.TryParse("d:x", VirtualPath.Parse("/C:/src"), out _, out string? problem));
        Assert.Contains("current directory of drive D:", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/", "does not start with a drive")]
    [InlineData("/usr/bin", "does not start with a drive")]
    [InlineData("/CC:/a", "does not start with a drive")]
    [InlineData("/C:/a\\b", "the character \\")]
    [InlineData("/C:/a.", "dot or a space")]
    [InlineData("/C:/nul", "names a device")]
    [InlineData("/C:/a:b", "alternate data stream")]
    public void A_path_that_windows_does_not_have_is_not_written(string path, string reason)
    {
        ReprException refused = Assert.Throws<ReprException>(() => WindowsPath.Format(VirtualPath.Parse(path)));

        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Half_a_surrogate_pair_is_refused()
    {
        Assert.False(WindowsPath.TryParse("C:\\a\ud800b", out _, out string? problem));
        Assert.Contains("surrogate", problem, StringComparison.Ordinal);
        Assert.False(WindowsPath.TryParse("C:\\a\udc00", out _, out _));
    }

    [Fact]
    public void Length_is_no_reason_to_refuse()
    {
        string text = @"C:\" + string.Join('\\', Enumerable.Repeat(new string('n', 100), 30));

        Assert.Equal(text, WindowsPath.Format(WindowsPath.Parse(text)));
        Assert.Equal(WindowsPath.Parse(text), WindowsPath.Parse(@"\\?\" + text));
    }

    [Fact]
    public void Paths_are_compared_without_case_and_by_whole_names()
    {
        VirtualPath path = WindowsPath.Parse(@"C:\Größe\A.cs");
        VirtualPath other = WindowsPath.Parse(@"c:\GRÖßE\a.CS");

        Assert.Equal(path, other);
        Assert.Equal(0, path.CompareTo(other));
        Assert.Equal(path.GetHashCode(), other.GetHashCode());
        Assert.NotEqual(path, WindowsPath.Parse(@"C:\Größe\B.cs"));
        Assert.True(path.IsWithin(VirtualPath.Parse("/c:/gRöße")));
        Assert.False(path.IsWithin(VirtualPath.Parse("/C:/Grö")));
        Assert.True(path.IsWithin(VirtualPath.Root));
        Assert.False(VirtualPath.Parse("/c/a").HasDrive);
        Assert.False(VirtualPath.Parse("/c:x/a").HasDrive);
        Assert.NotEqual(VirtualPath.Parse("/c/a"), VirtualPath.Parse("/C/a"));
    }

    [Fact]
    public void Paths_of_both_systems_have_one_order()
    {
        VirtualPath[] paths = [.. new[] { "/", "/C", "/Ca", "/c", "/c:", "/C:/A", "/c:/a/B", "/C:/b", "/D:/a", "/usr" }.Select(VirtualPath.Parse)];

        Assert.Equal(
            ["/", "/C", "/Ca", "/c", "/usr", "/c:", "/C:/A", "/c:/a/B", "/C:/b", "/D:/a"],
            paths.Reverse().Order().Select(path => path.Text));
    }

    /// <summary>What is read can be written, read again in both ways, and is then the same; on Windows, it is what the system says.</summary>
    [Fact]
    public void Every_path_that_is_read_comes_back()
    {
        Random random = new(20261128);
        int read = 0;
        for (int i = 0; i < Cases; i++)
        {
            string text = RandomPath(random);
            if (!WindowsPath.TryParse(text, out VirtualPath path, out string? problem))
            {
                Assert.NotEqual("", problem);
                continue;
            }

            read++;
            string written = WindowsPath.Format(path);
            Assert.Equal(path, WindowsPath.Parse(written));
            Assert.Equal(path, WindowsPath.Parse(written.Replace('\\', '/')));
            Assert.Equal(path, WindowsPath.Parse(@"\\?\" + WindowsPath.Format(path)));
            Assert.Equal(path, WindowsPath.Parse(char.ToLowerInvariant(written[0]) + written[1..]));
            if (OperatingSystem.IsWindows())
            {
                string system = Path.GetFullPath(text);
                system = system.StartsWith(@"\\", StringComparison.Ordinal) ? system[4..] : system;
                Assert.Equal(char.ToUpperInvariant(system[0]) + system[1..].TrimEnd('\\'), written.TrimEnd('\\'));
            }
        }

        Assert.InRange(read, Cases / 20, Cases);
    }

    /// <summary>Names made of what matters to the rules, more often than chance would.</summary>
    private static string RandomPath(Random random)
    {
        string[] starts = [@"C:\", "c:/", @"\\?\D:\", @"\\.\e:\", @"Z:\", @"C:", @"\", ""];
        string[] pieces = ["a", "B", "ß", "…", "𝒳", ".", "..", " ", "nul", "com1", ".txt", "~1", "-", "x y"];
        string[] slashes = [@"\", @"\", @"\", "/", @"\\"];
        StringBuilder text = new(starts[random.Next(starts.Length)]);
        for (int names = random.Next(0, 5); names >= 0; names--)
        {
            for (int parts = random.Next(1, 4); parts > 0; parts--)
            {
                text.Append(pieces[random.Next(pieces.Length)]);
            }

            text.Append(names > 0 || random.Next(4) == 0 ? slashes[random.Next(slashes.Length)] : "");
        }

        return text.ToString();
    }
}
