using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Fuse;

/// <summary>
/// Answers the kernel's questions about one mounted file system from an <see cref="IFileSource"/>. Read-only; every answer may be
/// cached for ever, unless files may come and go (<see cref="FuseTree.MayChange"/>). What the source answers at once is answered by the reading thread; what takes time is answered later,
/// while the thread reads on.
/// </summary>
/// <remarks>Protocol: the kernel's Documentation/filesystems/fuse and include/uapi/linux/fuse.h.</remarks>
internal sealed partial class FuseServer : IAsyncDisposable
{
    private const int RequestBufferLength = 8192; // FUSE_MIN_READ_BUFFER: a read-only file system gets no data
    private const int SmallReplyLength = 512;
    private const int MaximumReadPages = 256;
    private const int ReaderThreads = 2;
    private const int ReaderStackLength = 256 * 1024;
    private const ulong ForetellingHandle = 1;
    private const uint SupportedMinor = 40; // Linux 6.9, which brought passthrough

    internal static readonly TimeSpan UnmountLimit = TimeSpan.FromSeconds(10);
    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly SafeFileHandle _device;
    private readonly FuseTree _tree;
    private readonly IFileSource _source;
    private readonly FuseReplies _replies;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _ended = new();
    private readonly TaskCompletionSource _readersGone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<ReprException> _onFailure;
    private int _readers;
    private readonly bool _opensSilently;
    private volatile bool _passthrough;

    /// <summary>Makes a server; nothing is read before <see cref="Start"/>.</summary>
    /// <param name="device">The /dev/fuse of the mount; disposed by the server.</param>
    /// <param name="tree">What is shown.</param>
    /// <param name="source">Where contents come from.</param>
    /// <param name="owner">User and group that own everything, as the tool sees them.</param>
    /// <param name="opening">How the kernel is to open files.</param>
    /// <param name="onFailure">Called with each failure of the source.</param>
    /// <param name="logger">For what goes wrong.</param>
    public FuseServer(
        SafeFileHandle device,
        FuseTree tree,
        IFileSource source,
        (uint User, uint Group) owner,
        FileOpening opening,
        Action<ReprException> onFailure,
        ILogger logger)
    {
        _device = device;
        _tree = tree;
        _source = source;
        _opensSilently = opening == FileOpening.Silent;
        _passthrough = opening == FileOpening.Passthrough;
        _onFailure = onFailure;
        _logger = logger;
        _replies = new FuseReplies(owner.User, owner.Group, tree.MayChange);
    }

    /// <summary>False when the kernel refused to serve contents itself; known after the first OPEN.</summary>
    public bool Passthrough => _passthrough;

    /// <summary>Starts the reading threads.</summary>
    public void Start()
    {
        _readers = _tree.MayChange ? 1 : ReaderThreads;
        for (int i = _readers; i > 0; i--)
        {
            new Thread(ReadRequests, ReaderStackLength) { IsBackground = true, Name = "FUSE" }.Start();
        }
    }

    /// <summary>Lets every question that is open, and every later one, fail: the tool that asked is to be killed.</summary>
    public void Abort()
    {
        try
        {
            _ended.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The mount is gone, and with it everybody who could ask.
        }
    }

    /// <summary>Waits until the kernel has taken the mount away, which the end of all its processes does; then frees everything.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await RetireAsync().WaitAsync(UnmountLimit);
        }
        catch (TimeoutException)
        {
            LogStillMounted(_logger);
        }
    }

    /// <summary>Warns of a mount that outlived its sandbox.</summary>
    internal static void LogStillMounted(ILogger logger) => Log.StillMounted(logger, UnmountLimit.TotalSeconds);

    /// <summary>
    /// Answers no more questions but serves what is open, until the kernel has taken the mount away; then frees everything.
    /// A process that lives on may keep the mount for as long as it maps one of its files.
    /// </summary>
    public async Task RetireAsync()
    {
        await _ended.CancelAsync();
        await _readersGone.Task;
        await _telling;
        foreach (FuseNode node in _tree.Nodes)
        {
            ReleaseContent(node);
        }

        _device.Dispose();
        _ended.Dispose();
    }

    private unsafe void ReadRequests()
    {
        byte* request = (byte*)NativeMemory.AlignedAlloc(RequestBufferLength, 64);
        try
        {
            while (true)
            {
                nint length = FuseNative.Read(_device, request, RequestBufferLength);
                if (length >= sizeof(FuseInHeader))
                {
                    Dispatch(new ReadOnlySpan<byte>(request, (int)length));
                }
                else if (Marshal.GetLastPInvokeError() is not (Errno.Interrupted or Errno.Again or Errno.NoEntry))
                {
                    return; // ENODEV: unmounted
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(request);
            if (Interlocked.Decrement(ref _readers) == 0)
            {
                _readersGone.SetResult();
            }
        }
    }

    private void Dispatch(ReadOnlySpan<byte> request)
    {
        FuseInHeader header = MemoryMarshal.Read<FuseInHeader>(request);
        ReadOnlySpan<byte> body = request[Marshal.SizeOf<FuseInHeader>()..];
        try
        {
            ValueTask answer = Answer(header, body);
            if (answer.IsCompletedSuccessfully)
            {
                answer.GetAwaiter().GetResult();
            }
            else
            {
                _ = FinishAsync(answer, header.Unique);
            }
        }
        catch (Exception exception)
        {
            Fail(header.Unique, exception);
        }
    }

    private async Task FinishAsync(ValueTask answer, ulong unique)
    {
        try
        {
            await answer;
        }
        catch (Exception exception)
        {
            Fail(unique, exception);
        }
    }

    // Nothing may cross into the kernel but an answer: a request without one blocks its process for ever.
    private void Fail(ulong unique, Exception exception)
    {
        if (exception is not OperationCanceledException)
        {
            _onFailure(exception as ReprException
                ?? new ReprException(ReprErrorCode.Internal, $"A file could not be served: {exception.Message}", exception));
        }

        ReplyError(unique, Errno.InputOutput);
    }

    // Not async itself: the body is the reading thread's and gone when it returns.
    private ValueTask Answer(FuseInHeader header, ReadOnlySpan<byte> body)
    {
        ulong unique = header.Unique;
        switch (header.Operation)
        {
            case FuseOperation.Lookup:
                return LookupAsync(unique, _tree.Get(header.NodeId), body[..body.IndexOf((byte)0)]);
            case FuseOperation.GetAttributes:
                Reply(unique, _replies.Attributes(_tree.Get(header.NodeId)));
                return default;
            case FuseOperation.ReadLink:
                ReplyBytes(unique, Encoding.UTF8.GetBytes(_tree.Get(header.NodeId).Entry.LinkTarget ?? ""));
                return default;
            case FuseOperation.Open:
                return OpenAsync(unique, _tree.Get(header.NodeId));
            case FuseOperation.Read:
                return ReadAsync(unique, _tree.Get(header.NodeId), MemoryMarshal.Read<FuseReadIn>(body));
            case FuseOperation.ReadDirectory:
            case FuseOperation.ReadDirectoryPlus:
                return ListAsync(
                    unique,
                    _tree.Get(header.NodeId),
                    MemoryMarshal.Read<FuseReadIn>(body),
                    header.Operation == FuseOperation.ReadDirectoryPlus);
            case FuseOperation.Forget:
                Forget(header.NodeId, MemoryMarshal.Read<ulong>(body));
                return default;
            case FuseOperation.BatchForget:
                int count = (int)MemoryMarshal.Read<FuseBatchForgetIn>(body).Count;
                foreach (FuseForgetOne one in
                    MemoryMarshal.Cast<byte, FuseForgetOne>(body[Marshal.SizeOf<FuseBatchForgetIn>()..])[..count])
                {
                    Forget(one.NodeId, one.Lookups);
                }

                return default;
            case FuseOperation.Initialize:
                Initialize(unique, MemoryMarshal.Read<FuseInitIn>(body));
                return default;
            case FuseOperation.StatFileSystem:
                Reply(unique, FuseReplies.FileSystem);
                return default;
            case FuseOperation.Release:
                Close(_tree.Get(header.NodeId));
                ReplyBytes(unique, []);
                return default;
            case FuseOperation.OpenDirectory when _tree.Get(header.NodeId).BeginForetelling(): // else not implemented: the kernel keeps listings
                Reply(unique, new FuseOpenOut { Handle = ForetellingHandle });
                return default;
            case FuseOperation.ReleaseDirectory when MemoryMarshal.Read<ulong>(body) == ForetellingHandle:
                ReplyBytes(unique, []);
                TellContents(_tree.Get(header.NodeId)); // now, for the kernel has taken up the entries
                return default;
            case FuseOperation.ReleaseDirectory:
            case FuseOperation.Destroy:
                ReplyBytes(unique, []);
                return default;
            case FuseOperation.Interrupt: // its answer is the original request's
                return default;
            default: // after the first time the kernel does not ask again
                ReplyError(unique, Errno.NotImplemented);
                return default;
        }
    }

    private void Initialize(ulong unique, FuseInitIn init)
    {
        FuseFeatures offered = (FuseFeatures)(init.Flags | ((ulong)init.Flags2 << 32));
        FuseFeatures used = offered & (FuseFeatures.AsyncRead | FuseFeatures.ReadDirectoryPlus | FuseFeatures.ReadDirectoryPlusAuto
            | FuseFeatures.ParallelDirectoryOperations | FuseFeatures.MaxPages | FuseFeatures.CacheSymlinks
            | FuseFeatures.NoOpenDirectory | FuseFeatures.ExplicitInvalidation | FuseFeatures.Extended | FuseFeatures.NoExport
            | (_passthrough ? FuseFeatures.Passthrough : 0));
        _passthrough = used.HasFlag(FuseFeatures.Passthrough);
        Reply(unique, new FuseInitOut
        {
            Major = 7,
            Minor = Math.Min(init.Minor, SupportedMinor),
            MaxReadAhead = MaximumReadPages * 4096,
            Flags = (uint)used,
            Flags2 = (uint)((ulong)used >> 32),
            MaxBackground = 128,
            CongestionThreshold = 96,
            MaxWrite = 4096,
            TimeGranularity = 1,
            MaxPages = MaximumReadPages,
            MaxStackDepth = _passthrough ? 1u : 0, // one below, one for the overlay above: the kernel's maximum is two
        });
    }

    private ValueTask LookupAsync(ulong unique, FuseNode directory, ReadOnlySpan<byte> name)
    {
        string text;
        try
        {
            text = s_strictUtf8.GetString(name);
        }
        catch (ArgumentException)
        {
            Reply(unique, _replies.Absent); // no path of a requester has such a name
            return default;
        }

        if (name.Length > VirtualPath.MaximumNameLength
            || Encoding.UTF8.GetByteCount(directory.Path.Text) + 1 + name.Length > VirtualPath.MaximumLength)
        {
            ReplyError(unique, Errno.NameTooLong);
            return default;
        }

        ValueTask<FuseNode?> question = _tree.FindAsync(directory, text, _ended.Token);
        if (!question.IsCompletedSuccessfully)
        {
            return AwaitAsync(question);
        }

        Reply(unique, _replies.Entry(question.Result));
        return default;

        async ValueTask AwaitAsync(ValueTask<FuseNode?> pending) => Reply(unique, _replies.Entry(await UntilEndAsync(pending)));
    }

    private ValueTask ListAsync(ulong unique, FuseNode directory, FuseReadIn read, bool plus)
    {
        if (read.Handle == ForetellingHandle && directory.Foretold is { } foretold)
        {
            ReplyListing(foretold);
            return default;
        }

        ValueTask<FuseNode[]> question = _tree.ListAsync(directory, _ended.Token);
        if (!question.IsCompletedSuccessfully)
        {
            return AwaitAsync(question);
        }

        ReplyListing(question.Result);
        return default;

        async ValueTask AwaitAsync(ValueTask<FuseNode[]> pending) => ReplyListing(await UntilEndAsync(pending));

        void ReplyListing(FuseNode[] entries)
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent((int)read.Size);
            int length = _replies.Listing(directory, entries, read.Offset, plus, buffer.AsSpan(0, (int)read.Size));
            ReplyBytes(unique, buffer.AsSpan(0, length));
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // A source that does not heed cancellation must not keep a killed process from dying.
    private async ValueTask<T> UntilEndAsync<T>(ValueTask<T> question) => await question.AsTask().WaitAsync(_ended.Token);
}
