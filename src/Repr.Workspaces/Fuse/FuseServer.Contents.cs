using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Fuse;

// Contents of files, and the writing of answers.
internal sealed partial class FuseServer
{
    private static readonly int s_outHeaderLength = Marshal.SizeOf<FuseOutHeader>();

    private ValueTask OpenAsync(ulong unique, FuseNode node)
    {
        if (_opensSilently)
        {
            ReplyError(unique, Errno.NotImplemented); // the kernel opens files without a question from now on, and asks for what it reads
            return default;
        }

        lock (node)
        {
            node.Opens++;
        }

        ValueTask content = ContentAsync(node);
        if (content.IsCompletedSuccessfully)
        {
            Answer();
            return default;
        }

        return AwaitAsync();

        async ValueTask AwaitAsync()
        {
            try
            {
                await content;
            }
            catch (Exception)
            {
                Close(node);
                throw;
            }

            Answer();
        }

        void Answer()
        {
            lock (node)
            {
                ReplyOpen(unique, node);
            }
        }
    }

    // Makes sure that a file's content is at hand. Whoever asks meanwhile waits for the same question.
    private ValueTask ContentAsync(FuseNode node)
    {
        Task opening;
        lock (node)
        {
            if (node.Content is not null || node.BackingId > 0)
            {
                return default;
            }

            if (node.Opening is null)
            {
                ValueTask<SafeFileHandle> question = _source.OpenAsync(node.Path, _ended.Token);
                if (question.IsCompletedSuccessfully)
                {
                    SetContent(node, question.Result);
                    return default;
                }

                opening = AwaitContentAsync(question);
                node.Opening = opening.IsCompleted ? null : opening; // its end, which clears this, may have come already
            }
            else
            {
                opening = node.Opening;
            }
        }

        return new ValueTask(opening.WaitAsync(_ended.Token));

        async Task AwaitContentAsync(ValueTask<SafeFileHandle> question)
        {
            SafeFileHandle content;
            try
            {
                content = await question;
            }
            catch (Exception)
            {
                lock (node)
                {
                    node.Opening = null; // the next one asks again
                }

                throw;
            }

            lock (node)
            {
                if (_ended.IsCancellationRequested)
                {
                    content.Dispose();
                    throw new OperationCanceledException(_ended.Token); // nobody waits for it any more
                }

                SetContent(node, content);
            }
        }
    }

    // The kernel serves a file either itself or through us, as long as it knows it: decided once.
    private void SetContent(FuseNode node, SafeFileHandle content)
    {
        node.Opening = null;
        if (_passthrough)
        {
            int backingId = FuseNative.OpenBacking(_device, content);
            if (backingId > 0)
            {
                node.BackingId = backingId;
                content.Dispose();
                return;
            }

            int error = Marshal.GetLastPInvokeError();
            _passthrough = false;
            Log.NoPassthrough(_logger, Marshal.GetPInvokeErrorMessage(error));
        }

        node.Content = content;
    }

    private void ReplyOpen(ulong unique, FuseNode node) => Reply(unique, new FuseOpenOut
    {
        Handle = node.Id,
        Flags = FuseOpenFlags.NoFlush | (node.BackingId > 0 ? FuseOpenFlags.Passthrough : FuseOpenFlags.KeepCache),
        BackingId = node.BackingId,
    });

    // A mount that lives on must not keep all files open that ever were.
    private void Close(FuseNode node)
    {
        if (!_tree.MayChange)
        {
            return;
        }

        lock (node)
        {
            if (--node.Opens == 0)
            {
                ReleaseContent(node);
            }
        }
    }

    private ValueTask ReadAsync(ulong unique, FuseNode node, FuseReadIn read)
    {
        ValueTask content = ContentAsync(node);
        if (content.IsCompletedSuccessfully)
        {
            ReadContent(unique, node, read);
            return default;
        }

        return AwaitAsync();

        async ValueTask AwaitAsync()
        {
            await content;
            ReadContent(unique, node, read);
        }
    }

    private void ReadContent(ulong unique, FuseNode node, FuseReadIn read)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(s_outHeaderLength + (int)read.Size);
        try
        {
            SafeFileHandle content = ContentOf(node) ?? throw new UnreachableException("A file is read whose content nobody has.");
            int length = Fill(content, buffer.AsSpan(s_outHeaderLength, (int)read.Size), (long)read.Offset);
            Send(unique, buffer.AsSpan(0, s_outHeaderLength + length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static SafeFileHandle? ContentOf(FuseNode node)
    {
        lock (node)
        {
            return node.Content;
        }
    }

    /// <summary>Reads as much of a file as there is and fits.</summary>
    internal static int Fill(SafeFileHandle content, Span<byte> data, long offset)
    {
        int length = 0;
        while (length < data.Length && RandomAccess.Read(content, data[length..], offset + length) is int got and > 0)
        {
            length += got;
        }

        return length;
    }

    private void Forget(ulong nodeId, ulong lookups)
    {
        FuseNode node = _tree.Get(nodeId);
        lock (node) // no LOOKUP may come between the last count and the release
        {
            if (!FuseReplies.Forget(node, lookups))
            {
                return;
            }

            ReleaseContent(node);
        }

        if (_tree.MayChange)
        {
            _tree.Drop(node);
        }
    }

    private void ReleaseContent(FuseNode node)
    {
        lock (node)
        {
            node.Content?.Dispose();
            node.Content = null;
            if (node.BackingId > 0)
            {
                _ = FuseNative.CloseBacking(_device, node.BackingId);
                node.BackingId = 0;
            }
        }
    }

    private void Reply<T>(ulong unique, T answer)
        where T : unmanaged => ReplyBytes(unique, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in answer)));

    private void ReplyBytes(ulong unique, ReadOnlySpan<byte> answer)
    {
        int length = s_outHeaderLength + answer.Length;
        byte[]? rented = length > SmallReplyLength ? ArrayPool<byte>.Shared.Rent(length) : null;
        Span<byte> message = rented is null ? stackalloc byte[SmallReplyLength] : rented;
        answer.CopyTo(message[s_outHeaderLength..]);
        Send(unique, message[..length]);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private void ReplyError(ulong unique, int error)
    {
        Span<byte> message = stackalloc byte[s_outHeaderLength];
        Send(unique, message, -error);
    }

    // A failure means that the asker or the whole mount is gone: there is nobody left to answer.
    private unsafe void Send(ulong unique, Span<byte> message, int error = 0)
    {
        FuseOutHeader header = new() { Length = (uint)message.Length, Error = error, Unique = unique };
        MemoryMarshal.Write(message, in header);
        fixed (byte* start = message)
        {
            if (FuseNative.Write(_device, start, message.Length) < 0
                && Marshal.GetLastPInvokeError() is int failure and not (Errno.NoEntry or Errno.NoDevice))
            {
                Log.AnswerRefused(_logger, Marshal.GetPInvokeErrorMessage(failure));
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "The kernel does not serve contents itself ({Reason}); they go through this process.")]
        public static partial void NoPassthrough(ILogger logger, string reason);

        [LoggerMessage(LogLevel.Error, "The file system of a finished action is still mounted after {Seconds} s; something else holds it.")]
        public static partial void StillMounted(ILogger logger, double seconds);

        [LoggerMessage(LogLevel.Error, "The kernel refused an answer about a file: {Reason}.")]
        public static partial void AnswerRefused(ILogger logger, string reason);
    }
}
