using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

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
        if (_opensSilently && directory.ForetoldContents is { Length: > 0 } files)
        {
            lock (_tellingBegins)
            {
                _telling = Task.WhenAll(_telling, Task.Run(() => TellContentsAsync(files)));
            }
        }
    }

    private async Task TellContentsAsync(FuseNode[] files)
    {
        byte[] message = ArrayPool<byte>.Shared.Rent(s_toldLength + LargestToldLength);
        foreach (FuseNode file in files.Where(static file => file.Entry.SizeBytes is > 0 and <= LargestToldLength))
        {
            if (_ended.IsCancellationRequested)
            {
                break;
            }

            try
            {
                // Of its own: a node would keep it open for as long as the kernel knows the file.
                using SafeFileHandle content = await UntilEndAsync(_source.OpenAsync(file.Path, _ended.Token));
                TellContent(file, content, message);
            }
            catch (Exception)
            {
                // Whoever reads the file asks for it, and hears what is wrong.
            }
        }

        ArrayPool<byte>.Shared.Return(message);
    }

    private void TellContent(FuseNode file, SafeFileHandle content, byte[] message)
    {
        int length = (int)file.Entry.SizeBytes;
        if (Fill(content, message.AsSpan(s_toldLength, length), 0) == length)
        {
            MemoryMarshal.Write(message.AsSpan(s_outHeaderLength), new FuseNotifyStoreOut { NodeId = file.Id, Size = (uint)length });
            Send(unique: 0, message.AsSpan(0, s_toldLength + length), FuseNotification.Store);
        }
    }
}
