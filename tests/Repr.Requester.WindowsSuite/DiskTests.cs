using Microsoft.Win32.SafeHandles;
using Repr.Requester.Files;
using Repr.Requester.Tests;

namespace Repr.Requester.WindowsSuite;

/// <summary>This machine's files by the names and rules of Windows.</summary>
public sealed class DiskTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();

    public void Dispose() => _files.Dispose();

    private VirtualPath At(string relative) => Disk.Spell(WindowsPath.Parse(_files.At(relative)));

    [Fact]
    public void Two_spellings_of_a_file_are_one_and_the_file_systems_is_told()
    {
        _files.Write(@"Größe\Über.TXT", "x");
        VirtualPath asked = WindowsPath.Parse(_files.At(@"GRÖSSE\..\größe\ÜBER.txt"));
        List<InputFact> met = [];
        PathWalker walker = new(met.Add, placeholders: null);

        ResolvedPath found = walker.Resolve(asked);

        Assert.EndsWith("/Größe/Über.TXT", found.Path.Text, StringComparison.Ordinal);
        Assert.Equal(1, found.Stat?.SizeBytes);
        Assert.Equal(found.Path.Text, Disk.Spell(asked).Text);
        Assert.Equal(found.Path.Text, walker.Find(asked)?.Path.Text);
        Assert.Contains(met, fact => fact is DirectoryFact && fact.Path.Text.EndsWith("/Größe", StringComparison.Ordinal));
        Assert.Equal("/C:", Disk.Spell(VirtualPath.Parse("/c:")).Text);
    }

    [Fact]
    public void What_is_not_there_keeps_its_spelling()
    {
        VirtualPath asked = WindowsPath.Parse(_files.At(@"Nothing\Here.txt"));

        Assert.EndsWith("/Nothing/Here.txt", Disk.Spell(asked).Text, StringComparison.Ordinal);
        Assert.Null(Disk.TryStat(asked));
        Assert.Null(Disk.TryOpenFile(asked));
        Assert.Null(Disk.TryStat(VirtualPath.Parse("/Q:/x")));
        Assert.Null(Disk.TryStat(VirtualPath.Parse("/usr/bin")));
    }

    [Theory]
    [InlineData("a.txt:stream")]
    [InlineData("a.txt::$DATA")]
    [InlineData("nul")]
    [InlineData("a.txt.")]
    [InlineData("a?txt")]
    [InlineData("a.tx<")]
    public void A_name_with_another_meaning_names_nothing_and_makes_nothing(string name)
    {
        _files.Write("a.txt", "x");
        VirtualPath place = At(".").Append(name);

        Assert.Null(Disk.TryStat(place));
        Assert.Null(Disk.TryOpenFile(place));
        using SafeFileHandle directory = Disk.TryOpenDirectory(place.Parent)!;
        Assert.Throws<IOException>(() => Disk.CreateFile(directory, name));
        Assert.Equal(["a.txt"], Disk.List(directory));
    }

    [Fact]
    public void Long_paths_are_paths()
    {
        string deep = string.Join('\\', Enumerable.Repeat("directory-with-a-long-name", 15));
        string file = _files.At(deep + @"\file.txt");
        Directory.CreateDirectory(Path.GetDirectoryName(@"\\?\" + file)!);
        File.WriteAllText(@"\\?\" + file, "deep");

        VirtualPath path = WindowsPath.Parse(file.ToUpperInvariant());

        Assert.True(file.Length > 400);
        Assert.Equal(4, Disk.TryStat(path)?.SizeBytes);
        Assert.EndsWith("/directory-with-a-long-name/file.txt", Disk.Spell(path).Text, StringComparison.Ordinal);
        using SafeFileHandle? opened = Disk.TryOpenFile(path);
        Assert.NotNull(opened);
        using FileStream stream = new(opened, FileAccess.Read);
        using StreamReader reader = new(stream);
        Assert.Equal("deep", reader.ReadToEnd());
    }

    [Fact]
    public void A_file_keeps_its_identity_when_it_is_renamed_and_another_one_has_another()
    {
        _files.Write("a.txt", "a");
        _files.Write("b.txt", "b");
        FileStat before = Disk.TryStat(At("a.txt"))!.Value;
        File.Move(_files.At("a.txt"), _files.At("c.txt"));
        FileStat after = Disk.TryStat(At("c.txt"))!.Value;

        Assert.Equal((before.Device, before.Inode), (after.Device, after.Inode));
        Assert.NotEqual(before.Inode, Disk.TryStat(At("b.txt"))!.Value.Inode);
        Assert.True(after.IsFile);
        Assert.Equal(1u, after.Links);
        Assert.InRange(after.ModifiedNs, (DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - 60_000) * 1_000_000, (DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + 60_000) * 1_000_000);
    }

    [Fact]
    public void A_rename_replaces_at_once_also_what_is_read_only()
    {
        _files.Write("old.txt", "old");
        File.SetAttributes(_files.At("old.txt"), FileAttributes.ReadOnly);
        using SafeFileHandle directory = Disk.TryOpenDirectory(At("."))!;
        using (SafeFileHandle made = Disk.CreateFile(directory, "new.tmp"))
        {
            RandomAccess.Write(made, "new"u8, 0);
            if (!IsWine)
            {
                Disk.Rename(directory, "new.tmp", directory, "OLD.txt");
            }
        }

        if (IsWine)
        {
            File.SetAttributes(_files.At("old.txt"), FileAttributes.Normal); // Wine has no rename that ignores the attribute
            Disk.Rename(directory, "new.tmp", directory, "OLD.txt");
        }

        Assert.Equal("new", File.ReadAllText(_files.At("old.txt")));
        Assert.Single(Disk.List(directory));
        Assert.Throws<IOException>(() => Disk.Rename(directory, "nothing", directory, "x"));
    }

    [Fact]
    public void Names_are_made_and_removed_in_an_open_directory()
    {
        using SafeFileHandle directory = Disk.TryOpenDirectory(At("."))!;
        Disk.CreateDirectory(directory, "sub");
        Disk.CreateDirectory(directory, "SUB");
        using (SafeFileHandle sub = Disk.TryOpenDirectory(directory, "sub")!)
        {
            Disk.CreateFile(sub, "file.txt").Dispose();
            Assert.Throws<IOException>(() => Disk.CreateFile(sub, "FILE.TXT").Dispose());
            Assert.True(Disk.IsWritable(sub));
            Disk.Remove(sub, "file.txt", isDirectory: false);
            Disk.Remove(sub, "file.txt", isDirectory: false);
            Assert.Empty(Disk.List(sub));
        }

        Disk.Remove(directory, "sub", isDirectory: true);
        Assert.Empty(Disk.List(directory));
        Assert.Throws<IOException>(() => Disk.CreateSymlink(directory, "link", "target"));
    }

    [Fact]
    public void A_big_directory_is_listed_completely()
    {
        HashSet<string> names = [.. Enumerable.Range(0, 3000).Select(number => $"a file with a name that takes place, number {number}.txt")];
        foreach (string name in names)
        {
            _files.Write(name, "");
        }

        using SafeFileHandle directory = Disk.TryOpenDirectory(At("."))!;

        Assert.Equal(names, Disk.List(directory).ToHashSet());
    }

    [Fact]
    public async Task A_digest_is_remembered_for_all_spellings_and_not_for_other_content()
    {
        string file = _files.Write("File.txt", "first");
        Directory.CreateDirectory(_files.At("cache"));
        using DigestCache digests = new(_files.At(@"cache\digests-v1"), new OldClock());
        VirtualPath path = At("FILE.TXT");

        HashedFile first = await digests.GetAsync(path.Text, Disk.TryStat(path)!.Value, TestContext.Current.CancellationToken);
        HashedFile again = await digests.GetAsync(At("file.txt").Text, Disk.TryStat(At("file.TXT"))!.Value, TestContext.Current.CancellationToken);
        DateTime stamp = File.GetLastWriteTimeUtc(file);
        File.WriteAllText(file, "other");
        File.SetLastWriteTimeUtc(file, stamp);
        HashedFile other = await digests.GetAsync(path.Text, Disk.TryStat(path)!.Value, TestContext.Current.CancellationToken);

        Assert.Equal(first.Digest, again.Digest);
        Assert.Equal(2, digests.HashedFiles);
        Assert.Equal(Digest.Compute("other"u8), other.Digest);
    }

    [Fact]
    public void The_system_and_its_secrets_are_not_served_and_programs_are()
    {
        ReadPolicy policy = new([At(".")], []);

        Assert.Equal(ReadVerdict.Served, policy.Judge(At("x.txt")));
        Assert.Equal(ReadVerdict.EntryOnly, policy.Judge(At("SECRETS.json")));
        Assert.Equal(ReadVerdict.Denied, policy.Judge(At(@".SSH\key")));
        Assert.Equal(ReadVerdict.Denied, policy.Judge(WindowsPath.Parse(Path.Combine(Environment.SystemDirectory.ToUpperInvariant(), "kernel32.dll"))));
        Assert.Equal(ReadVerdict.Served, policy.Judge(WindowsPath.Parse(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "x"))));
        Assert.Equal(ReadVerdict.WayOnly, policy.Judge(WindowsPath.Parse(@"C:\elsewhere\x")));
    }

    // ntdll has this function there only.
    private static bool IsWine =>
        System.Runtime.InteropServices.NativeLibrary.TryGetExport(System.Runtime.InteropServices.NativeLibrary.Load("ntdll"), "wine_get_version", out _);

    // Files are old to it: nothing is racy.
    private sealed class OldClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UtcNow.AddHours(1);
    }
}
