using System.Collections.Concurrent;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using Repr.Workspaces.Fuse;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces.Tests.Fuse;

/// <summary>A mount in this machine's own name space, whose files come and go. As root by mount(2), else by fusermount3.</summary>
[SupportedOSPlatform("linux")]
public sealed class FuseMountTests : IAsyncDisposable
{
    private const long ModifiedNs = 1_600_000_000_123_456_700;

    private readonly string _root = Directory.CreateTempSubdirectory("repr-mount-").FullName;
    private readonly ChangingFiles _files = new();

    private string Mounted => Path.Combine(_root, "content");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_file_has_its_content_size_time_and_mode()
    {
        await using FuseMount mount = await MountAsync();
        _files.Contents["/there/tool"] = "content";

        FileInfo file = new(Path.Combine(Mounted, "there/tool"));
        Assert.Equal((7, UnixFileMode.UserRead | UnixFileMode.UserExecute), (file.Length, file.UnixFileMode));
        Assert.Equal(DateTime.UnixEpoch.AddTicks(ModifiedNs / 100), file.LastWriteTimeUtc);
        Assert.Equal("content", await File.ReadAllTextAsync(file.FullName, Cancellation));
        Assert.False(File.Exists(Path.Combine(Mounted, "there/other")));
    }

    [Fact]
    public async Task A_file_that_goes_is_gone_at_once_and_can_come_again()
    {
        await using FuseMount mount = await MountAsync();
        string file = Path.Combine(Mounted, "there/a");
        for (int round = 0; round < 20; round++)
        {
            _files.Contents["/there/a"] = "a";
            Assert.Equal("a", await File.ReadAllTextAsync(file, Cancellation));

            _files.Contents.Clear();
            Assert.False(File.Exists(file));
            await Assert.ThrowsAsync<FileNotFoundException>(() => File.ReadAllTextAsync(file, Cancellation));
        }
    }

    [Fact]
    public async Task Who_opens_what_cannot_be_had_gets_an_error_and_the_next_one_may_get_it()
    {
        await using FuseMount mount = await MountAsync();
        string file = Path.Combine(Mounted, "there/a");
        _files.Contents["/there/a"] = "a";
        _files.IsAway = true;

        IOException failure = await Assert.ThrowsAsync<IOException>(() => File.ReadAllTextAsync(file, Cancellation));
        Assert.Contains("Input/output error", failure.Message, StringComparison.Ordinal);

        _files.IsAway = false;
        Assert.Equal("a", await File.ReadAllTextAsync(file, Cancellation));
    }

    [Fact]
    public async Task It_is_read_only()
    {
        await using FuseMount mount = await MountAsync();
        _files.Contents["/there/a"] = "a";

        IOException failure = await Assert.ThrowsAsync<IOException>(
            () => File.WriteAllTextAsync(Path.Combine(Mounted, "there/a"), "b", Cancellation));
        Assert.Contains("Read-only", failure.Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<Exception>(() => File.WriteAllTextAsync(Path.Combine(Mounted, "there/new"), "b", Cancellation));
        Assert.Equal("a", await File.ReadAllTextAsync(Path.Combine(Mounted, "there/a"), Cancellation));
    }

    [Fact]
    public async Task A_file_that_is_closed_is_not_kept_open()
    {
        await using FuseMount mount = await MountAsync();
        for (int index = 0; index < 200; index++)
        {
            _files.Contents[$"/there/{index}"] = $"{index}";
            Assert.Equal($"{index}", await File.ReadAllTextAsync(Path.Combine(Mounted, $"there/{index}"), Cancellation));
        }

        // close(2) does not wait for the server to be told.
        while (_files.Handles.Any(handle => !handle.IsClosed))
        {
            await Task.Delay(1, Cancellation);
        }
    }

    [Fact]
    public async Task Many_readers_of_files_that_come_and_go_see_whole_files_or_none()
    {
        await using FuseMount mount = await MountAsync();
        const int Files = 8;
        string Text(int index) => new((char)('a' + index), 100_000);
        await Parallel.ForEachAsync(Enumerable.Range(0, 2000), Cancellation, async (step, token) =>
        {
            int index = step % Files;
            if (step % 3 == 0)
            {
                _files.Contents[$"/there/{index}"] = Text(index);
            }
            else if (step % 7 == 0)
            {
                _files.Contents.TryRemove($"/there/{index}", out _);
            }

            try
            {
                Assert.Equal(Text(index), await File.ReadAllTextAsync(Path.Combine(Mounted, $"there/{index}"), token));
            }
            catch (IOException)
            {
                // It was gone, or went between its name and its content.
            }
        });
    }

    [Fact]
    public async Task What_a_process_that_is_gone_has_left_mounted_is_replaced()
    {
        Directory.CreateDirectory(Mounted);
        (uint, uint) owner = (LauncherNative.GetEffectiveUserId(), LauncherNative.GetEffectiveGroupId());
        using (SafeFileHandle device = LauncherNative.GetEffectiveUserId() == 0
            ? MountNative.Mount(Mounted, owner)
            : await UserMount.MountAsync(Mounted, Cancellation))
        {
            // Nobody answers, and now nobody ever will.
        }

        Assert.True(MountNative.IsAbandoned(Mounted));
        _files.Contents["/there/a"] = "a";

        await using (FuseMount mount = await MountAsync())
        {
            Assert.Equal("a", await File.ReadAllTextAsync(Path.Combine(Mounted, "there/a"), Cancellation));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(Mounted));
        Assert.False(Directory.Exists(Path.Combine(Mounted, "there")));
    }

    [Fact]
    public async Task Where_it_cannot_be_mounted_the_message_says_why()
    {
        await File.WriteAllTextAsync(Mounted, "a file", Cancellation);

        IOException failure = await Assert.ThrowsAsync<IOException>(() => MountAsync());

        Assert.Contains(Mounted, failure.Message, StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Directory.Delete(_root, recursive: true);
        return ValueTask.CompletedTask;
    }

    private Task<FuseMount> MountAsync() => FuseMount.MountAsync(Mounted, _files, NullLogger.Instance, Cancellation);

    // One directory, "there".
    private sealed class ChangingFiles : IFileSource
    {
        public ConcurrentDictionary<string, string> Contents { get; } = new();

        public ConcurrentBag<SafeFileHandle> Handles { get; } = [];

        public bool IsAway { get; set; }

        public ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken) => ValueTask.FromResult(path.Text switch
        {
            "/there" => new FileEntry("there", FileKind.Directory, 0, 0, 0x16D),
            _ when Contents.TryGetValue(path.Text, out string? text) => new FileEntry(path.Name, FileKind.File, text.Length, ModifiedNs, 0x140), // 0o500
            _ => null,
        });

        public ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IReadOnlyList<FileEntry>>([]);

        public async ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken)
        {
            await Task.Yield();
            if (IsAway || !Contents.TryGetValue(file.Text, out string? text))
            {
                throw new ReprException(ReprErrorCode.Corrupt, "It is away.");
            }

            string path = Path.GetTempFileName();
            await File.WriteAllTextAsync(path, text, cancellationToken);
            SafeFileHandle handle = File.OpenHandle(path);
            File.Delete(path);
            Handles.Add(handle);
            return handle;
        }
    }
}
