using Microsoft.Win32.SafeHandles;
using Repr.Workspaces.Windows;

namespace Repr.Workspaces.Tests.Windows;

public sealed class RequesterDrivesTests
{
    [Theory]
    [InlineData(@"D:\src\x.c", "CD")]
    [InlineData("d:/src/x.c", "CD")]
    [InlineData(@"/IE:\inc", "CE")]
    [InlineData(@"/FoF:\o\", "CF")]
    [InlineData(@"-I""G:\a b""", "CG")]
    [InlineData("https://example.com/x", "C")]
    [InlineData("D:relative", "C")]
    public async Task A_drive_that_an_argument_names_is_found_also_behind_an_option(string argument, string expected) =>
        Assert.Equal(expected, string.Concat(await FindAsync(new Source(null), argument)));

    [Fact]
    public async Task Those_that_the_requester_shows_are_the_actions_too() =>
        Assert.Equal("CXY", string.Concat(await FindAsync(new Source(["x:", "Y:", "etc"]))));

    private static async Task<IReadOnlyCollection<char>> FindAsync(Source source, params string[] arguments)
    {
        Command command = new()
        {
            Arguments = ["/C:/cl.exe", .. arguments],
            WorkingDirectory = VirtualPath.Parse("/C:"),
            Environment = new Dictionary<string, string>(),
            OutputRoots = [],
        };
        return await RequesterDrives.FindAsync(command, command.Environment, source, TestContext.Current.CancellationToken);
    }

    /// <summary>A requester's root; null: he does not show it.</summary>
    private sealed class Source(string[]? root) : IFileSource
    {
        public ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken) =>
            root is null
                ? throw new ReprException(ReprErrorCode.Refused, "not shown")
                : ValueTask.FromResult<IReadOnlyList<FileEntry>>([.. root.Select(static name => new FileEntry(name, FileKind.Directory, 0, 0, 0x1ED))]);

        public ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
