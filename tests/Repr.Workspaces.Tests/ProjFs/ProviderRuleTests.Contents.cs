using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Repr.Testing;
using Repr.Workspaces.ProjFs;

namespace Repr.Workspaces.Tests.ProjFs;

// Content by ranges, failures, and several names for one file.
public sealed partial class ProviderRuleTests
{
    [Theory]
    [InlineData(0u, 3_500_001)]
    [InlineData(65_536u, 3_500_001)]
    [InlineData(1_048_576u, 2_097_152)]
    [InlineData(4096u, 4097)]
    [InlineData(0u, 1)]
    public async Task Content_is_written_in_exactly_the_ranges_that_are_asked_for(uint chunk, int length)
    {
        ProjectedTool.Set(new DoubleSettings { DataChunk = chunk });
        byte[] content = RandomNumberGenerator.GetBytes(length);
        BytesSource files = new(content, content.Length);
        ProjectedDirectory directory = await StartAsync(files: files);

        (int result, byte[] read) = await ProjectedTool.OnThread(() => (Tool.Read(@"C\bytes", out byte[] found), found));

        Assert.Equal(0, result);
        Assert.Equal(content, read);
        Assert.Equal((1, (long)length), (directory.Statistics.HydratedFiles, directory.Statistics.HydratedBytes));
        Assert.Equal((uint)(chunk == 0 ? 1 : (length + (int)chunk - 1) / (int)chunk), Tool.Count(DoubleCount.Data));
    }

    [Fact]
    public async Task Content_that_is_shorter_than_promised_is_no_verdict()
    {
        ProjectedDirectory directory = await StartAsync(files: new BytesSource(new byte[100], promised: 5000));

        Assert.Equal(HResult.OperationAborted, await ProjectedTool.OnThread(() => Tool.Read(@"C\bytes", out _)));

        Assert.Equal(ReprErrorCode.Corrupt, directory.Failure!.Code);
        Assert.Equal("The content of '/C:/bytes' is shorter than the 5000 bytes that were promised.", directory.Failure.Message);
        Assert.Same(directory.Failure, await Assert.ThrowsAsync<ReprException>(() => directory.CollectChangesAsync(Cancellation)));
    }

    [Theory]
    [InlineData(HResult.DiskFull, ReprErrorCode.Exhausted, "is full.")]
    [InlineData(unchecked((int)0x8007045D), ReprErrorCode.Unavailable, "(0x8007045D).")]
    public async Task A_disk_that_refuses_is_no_verdict(int error, ReprErrorCode code, string message)
    {
        ProjectedTool.Set(new DoubleSettings { FailWrites = error });
        Files.AddFile("/C:/src/f", "x");
        ProjectedDirectory directory = await StartAsync();

        Assert.True(await ProjectedTool.OnThread(() => Tool.Read(@"C\src\f", out _)) < 0);

        Assert.Equal(code, directory.Failure!.Code);
        Assert.EndsWith(message, directory.Failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_a_failure_nothing_is_answered_any_more()
    {
        int failures = 0;
        Files.AddFile("/C:/src/f", "x").AddFile("/C:/src/g", "y").BeforeContent = (path, _) =>
            path.Name == "f" ? throw new InvalidOperationException("A defect.") : ValueTask.CompletedTask;
        ProjectedDirectory directory = await StartAsync(new ProjectedDirectoryOptions { OnFailure = _ => failures++ });

        int[] results = await ProjectedTool.OnThread(() => new[] { Tool.Read(@"C\src\f", out _), Tool.Read(@"C\src\g", out _), Tool.Read(@"C\src\f", out _) });

        Assert.Equal([HResult.OperationAborted, HResult.OperationAborted, HResult.OperationAborted], results);
        Assert.Equal(ReprErrorCode.Internal, directory.Failure!.Code);
        Assert.Contains("A defect.", directory.Failure.Message, StringComparison.Ordinal);
        Assert.Equal(1, failures);
    }

    [Fact]
    public async Task A_lookup_by_name_alone_writes_no_placeholder()
    {
        Files.AddFile("/C:/src/f", "x");
        ProjectedDirectory directory = await StartAsync();

        int[] results = await ProjectedTool.OnThread(() => new[] { Tool.Query(@"C\src\F"), Tool.Query(@"C\src\no"), Tool.Query(@"X\src") });

        Assert.Equal([HResult.Ok, HResult.FileNotFound, HResult.FileNotFound], results);
        Assert.Equal(0, directory.Statistics.Placeholders);
    }

    [Fact]
    public async Task Of_names_that_differ_in_case_only_a_listing_shows_one_and_each_spelling_finds_its_own()
    {
        Files.AddFile("/C:/src/readme", "lower").AddFile("/C:/src/README", "upper").AddFile("/C:/src/d/Only", "1");
        ProjectedDirectory directory = await StartAsync();

        (string[] names, string? upper, string? only) = await ProjectedTool.OnThread(() =>
        {
            Assert.Equal(0, Tool.List(@"C\src", out string[] found));
            return (found, Tool.ReadText(@"C\src\README"), Tool.ReadText(@"C\src\D\oNLY"));
        });

        Assert.Equal(["d", "README"], names.Order(StringComparer.OrdinalIgnoreCase));
        Assert.Equal(("upper", "1"), (upper, only));
        Assert.Null(directory.Failure);
    }

    [Fact]
    public async Task Only_drives_are_in_the_root()
    {
        Files.AddFile("/D:/x/y", "on D").AddFile("/etc/passwd", "secret");
        await StartAsync();

        (string[] drives, string? other, int[] results) = await ProjectedTool.OnThread(() =>
        {
            Assert.Equal(0, Tool.List("", out string[] found));
            return (found, Tool.ReadText(@"d\X\y"), new[] { Tool.Open("etc"), Tool.Open(@"etc\passwd"), Tool.Open("E") });
        });

        Assert.Equal(["C", "D"], drives);
        Assert.Equal("on D", other);
        Assert.Equal([ProjectedTool.NotFound, HResult.PathNotFound, ProjectedTool.NotFound], results);
    }

    [Fact]
    public async Task Links_are_described_as_what_they_lead_to()
    {
        Files.AddFile("/C:/src/dir/f", "").AddLink("/C:/src/toDirectory", "dir").AddLink("/C:/src/toFile", "./dir/../dir/f")
            .AddLink("/C:/src/again", "toDirectory").AddLink("/C:/src/absolute", "/C:/src/dir").AddLink("/C:/src/windows", @"C:\src\dir")
            .AddLink("/C:/src/loop", "loop").AddLink("/C:/src/nowhere", "none/x");
        ProjectedSource source = new(Files, new NativeProjFs(), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);

        Dictionary<string, (bool, string?)> seen = [];
        ProjectedNode directory = (await source.FindAsync(@"C\src", Cancellation))!;
        foreach (ProjectedNode node in await source.ListAsync(directory, Cancellation))
        {
            ProjectedEntry entry = await source.DescribeAsync(node, Cancellation);
            seen[node.Name] = (entry.IsDirectory, entry.LinkTarget);
        }

        Assert.Equal(
            new Dictionary<string, (bool, string?)>
            {
                ["dir"] = (true, null),
                ["toDirectory"] = (true, "dir"),
                ["toFile"] = (false, @".\dir\..\dir\f"),
                ["again"] = (true, "toDirectory"),
                ["absolute"] = (true, @"C:\src\dir"),
                ["windows"] = (true, @"C:\src\dir"),
                ["loop"] = (false, "loop"),
                ["nowhere"] = (false, @"none\x"),
            },
            seen);
    }

    /// <summary>One file of bytes at /C:/bytes.</summary>
    private sealed class BytesSource(byte[] content, long promised) : IFileSource
    {
        private readonly MemoryFileSource _tree = new MemoryFileSource().AddDirectory("/C:");

        public async ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken) => path.Name == "bytes"
            ? new FileEntry("bytes", FileKind.File, promised, MemoryFileSource.ModifiedNs, 0x1A4)
            : await _tree.FindAsync(path, cancellationToken);

        public ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken) =>
            _tree.ListAsync(directory, cancellationToken);

        public async ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken)
        {
            string name = Path.GetTempFileName();
            await File.WriteAllBytesAsync(name, content, cancellationToken);
            return File.OpenHandle(name, options: FileOptions.DeleteOnClose);
        }
    }
}
