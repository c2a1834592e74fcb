using System.Buffers;
using System.Runtime.InteropServices;

namespace Repr.Workspaces.Fuse;

// Contents that the kernel is told of before anybody reads them.
internal sealed partial class FuseServer
{
    private const int LargestToldLength = 64 * 1024;
    private static readonly int s_toldLength = s_outHeaderLength + Marshal.SizeOf<FuseNotifyStoreOut>();

    private readonly Lock _tellingBegins = new();
    private Task _telling = Task.CompletedTask;

    // On another thread: the kernel may wait for a reader of the same file, who waits for us.
    private void TellContents(FuseNode directory)
    {
        if (!_passthrough && directory.ForetoldContents is { Length: > 0 } files)
        {
            lock (_tellingBegins)
            {
                _telling = Task.WhenAll(_telling, Task.Run(() => TellContents(files)));
            }
        }
    }

    private void TellContents(FuseNode[] files)
    {
        byte[] message = ArrayPool<byte>.Shared.Rent(s_toldLength + LargestToldLength);
        try
        {
            foreach (FuseNode file in files.Where(static file => file.Entry.SizeBytes is > 0 and <= LargestToldLength))
            {
                if (_ended.IsCancellationRequested)
                {
                    return;
                }

                TellContent(file, message);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(message);
        }
    }

    // What does not work out here is asked for by whoever reads it.
    private void TellContent(FuseNode file, byte[] message)
    {
        try
        {
            ValueTask content = ContentAsync(file);
            if (!content.IsCompletedSuccessfully)
            {
                _ = content.AsTask().ContinueWith(static failed => failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
                return;
            }

            int length = (int)file.Entry.SizeBytes;
            if (ContentOf(file) is { } known && Fill(known, message.AsSpan(s_toldLength, length), 0) == length)
            {
                MemoryMarshal.Write(message.AsSpan(s_outHeaderLength), new FuseNotifyStoreOut { NodeId = file.Id, Size = (uint)length });
                Send(unique: 0, message.AsSpan(0, s_toldLength + length), FuseNotification.Store);
            }
        }
        catch (Exception exception) when (exception is ReprException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // As above.
        }
    }
}
