using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Repr.Workspaces.ProjFs;

/// <summary>An instance of the library: turns its calls into those of <see cref="IProjectionCallbacks"/>, and lets no exception out.</summary>
internal sealed unsafe class NativeVirtualizationInstance : IVirtualizationInstance
{
    private const int ChunkLength = 1 << 20; // a multiple of every volume's write alignment

    private const PrjNotifyTypes Notifications =
        PrjNotifyTypes.NewFileCreated | PrjNotifyTypes.FileOverwritten | PrjNotifyTypes.PreRename | PrjNotifyTypes.PreSetHardlink
        | PrjNotifyTypes.FileRenamed | PrjNotifyTypes.HardlinkCreated | PrjNotifyTypes.FileHandleClosedFileModified
        | PrjNotifyTypes.FileHandleClosedFileDeleted | PrjNotifyTypes.FilePreConvertToFull;

    private readonly IProjectionCallbacks _callbacks;
    private readonly PrjNotificationMapping* _mapping; // the library keeps pointing at it
    private GCHandle _self;
    private nint _context;

    private NativeVirtualizationInstance(Func<IVirtualizationInstance, IProjectionCallbacks> provide)
    {
        _callbacks = provide(this);
        _self = GCHandle.Alloc(this);
        // The mapping and behind it the name of the root, which is empty.
        _mapping = (PrjNotificationMapping*)NativeMemory.AllocZeroed((nuint)sizeof(PrjNotificationMapping) + sizeof(char));
        _mapping->NotificationBitMask = Notifications;
        _mapping->NotificationRoot = (char*)(_mapping + 1);
    }

    /// <summary>Starts to answer for a root.</summary>
    /// <param name="root">A directory that was marked.</param>
    /// <param name="threads">How many threads call at the same time.</param>
    /// <param name="provide">Gets the instance, and says who answers.</param>
    /// <param name="check">Throws for a failed result.</param>
    public static void Start(string root, int threads, Func<IVirtualizationInstance, IProjectionCallbacks> provide, Action<int, string> check)
    {
        NativeVirtualizationInstance instance = new(provide);
        PrjStartvirtualizingOptions options = new()
        {
            Flags = PrjStartvirtualizingFlags.UseNegativePathCache,
            PoolThreadCount = (uint)threads,
            ConcurrentThreadCount = (uint)threads,
            NotificationMappings = instance._mapping,
            NotificationMappingsCount = 1,
        };
        PrjCallbacks table = new()
        {
            StartDirectoryEnumerationCallback = &StartDirectoryEnumeration,
            EndDirectoryEnumerationCallback = &EndDirectoryEnumeration,
            GetDirectoryEnumerationCallback = &GetDirectoryEnumeration,
            GetPlaceholderInfoCallback = &GetPlaceholderInfo,
            GetFileDataCallback = &GetFileData,
            QueryFileNameCallback = &QueryFileName,
            NotificationCallback = &Notify,
            CancelCommandCallback = &CancelCommand,
        };
        nint context = 0;
        try
        {
            check(ProjFsNative.PrjStartVirtualizing(root, &table, GCHandle.ToIntPtr(instance._self), &options, &context), root);
        }
        catch
        {
            instance.Free();
            throw;
        }

        instance._context = context;
    }

    /// <inheritdoc/>
    public int WritePlaceholder(string path, in ProjectedEntry entry, long contentId)
    {
        PrjPlaceholderInfo info = new() { FileBasicInfo = BasicInfo(entry) };
        MemoryMarshal.Write(info.VersionInfo.ContentID[..], in contentId);
        Mark.CopyTo(info.VersionInfo.ProviderID[..]);
        uint size = (uint)sizeof(PrjPlaceholderInfo);
        if (entry.LinkTarget is null)
        {
            return ProjFsNative.PrjWritePlaceholderInfo(_context, path, &info, size);
        }

        fixed (char* target = entry.LinkTarget)
        {
            PrjExtendedInfo extended = new() { InfoType = PrjExtInfoType.Symlink, Symlink = target };
            return ProjFsNative.PrjWritePlaceholderInfo2(_context, path, &info, size, &extended);
        }
    }

    /// <inheritdoc/>
    public int WriteFileData(Guid stream, ReadContent source, long offset, long length, CancellationToken cancellationToken)
    {
        int capacity = (int)Math.Min(length, ChunkLength);
        void* buffer = ProjFsNative.PrjAllocateAlignedBuffer(_context, (nuint)capacity);
        if (buffer is null)
        {
            return HResult.NotEnoughMemory;
        }

        try
        {
            for (long end = offset + length; offset < end;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int wanted = (int)Math.Min(end - offset, capacity);
                ReadExactly(source, new Span<byte>(buffer, wanted), offset);
                int result = ProjFsNative.PrjWriteFileData(_context, &stream, buffer, (ulong)offset, (uint)wanted);
                if (result < 0)
                {
                    return result;
                }

                offset += wanted;
            }

            return HResult.Ok;
        }
        finally
        {
            ProjFsNative.PrjFreeAlignedBuffer(buffer);
        }
    }

    /// <inheritdoc/>
    public void Complete(int commandId, int result) =>
        _ = ProjFsNative.PrjCompleteCommand(_context, commandId, result, null); // it fails for a command that was cancelled

    /// <inheritdoc/>
    public void Stop()
    {
        ProjFsNative.PrjStopVirtualizing(_context);
        Free();
    }

    private static ReadOnlySpan<byte> Mark => "repr 1"u8;

    private static void ReadExactly(ReadContent source, Span<byte> buffer, long offset)
    {
        while (!buffer.IsEmpty)
        {
            int read = source(buffer, offset);
            if (read == 0)
            {
                throw new EndOfStreamException();
            }

            buffer = buffer[read..];
            offset += read;
        }
    }

    private static PrjFileBasicInfo BasicInfo(in ProjectedEntry entry) => new()
    {
        IsDirectory = entry.IsDirectory ? (byte)1 : (byte)0,
        FileSize = entry.IsDirectory ? 0 : entry.SizeBytes,
        CreationTime = entry.FileTime,
        LastAccessTime = entry.FileTime,
        LastWriteTime = entry.FileTime,
        ChangeTime = entry.FileTime,
        FileAttributes = entry.Attributes,
    };

    private void Free()
    {
        NativeMemory.Free(_mapping);
        _self.Free();
    }

    // The calls of the library. What they point at is valid during the call only.

    private static IProjectionCallbacks Enter(PrjCallbackData* data, out ProjectedCommand command)
    {
        NativeVirtualizationInstance self = (NativeVirtualizationInstance)GCHandle.FromIntPtr(data->InstanceContext).Target!;
        self._context = data->NamespaceVirtualizationContext; // a call may come before the start has returned
        command = new ProjectedCommand(data->CommandId, data->FilePathName is null ? "" : new string(data->FilePathName));
        return self._callbacks;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvStdcall)])]
    private static int StartDirectoryEnumeration(PrjCallbackData* data, Guid* enumeration)
    {
        try
        {
            return Enter(data, out ProjectedCommand command).StartEnumeration(command, *enumeration);
        }
        catch (Exception)
        {
            return HResult.InternalError;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvStdcall)])]
    private static int EndDirectoryEnumeration(PrjCallbackData* data, Guid* enumeration)
    {
        try
        {
            return Enter(data, out _).EndEnumeration(*enumeration);
        }
        catch (Exception)
        {
            return HResult.InternalError;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvStdcall)])]
    private static int GetDirectoryEnumeration(PrjCallbackData* data, Guid* enumeration, char* pattern, nint buffer)
    {
        try
        {
            return Enter(data, out ProjectedCommand command).GetEnumeration(
                command,
                *enumeration,
                pattern is null ? null : new string(pattern),
                data->Flags.HasFlag(PrjCallbackDataFlags.EnumRestartScan),
                data->Flags.HasFlag(PrjCallbackDataFlags.EnumReturnSingleEntry),
                new DirectoryBuffer(buffer));
        }
        catch (Exception)
        {
            return HResult.InternalError;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvStdcall)])]
    private static int GetPlaceholderInfo(PrjCallbackData* data)
    {
        try
        {
            return Enter(data, out ProjectedCommand command).GetPlaceholder(command);
        }
        catch (Exception)
        {
            return HResult.InternalError;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvStdcall)])]
    private static int GetFileData(PrjCallbackData* data, ulong offset, uint length)
    {
        try
        {
            return Enter(data, out ProjectedCommand command)
                .GetFileData(command, data->DataStreamId, ContentIdOf(data->VersionInfo), (long)offset, length);
        }
        catch (Exception)
        {
            return HResult.InternalError;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvStdcall)])]
    private static int QueryFileName(PrjCallbackData* data)
    {
        try
        {
            return Enter(data, out ProjectedCommand command).QueryName(command);
        }
        catch (Exception)
        {
            return HResult.InternalError;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvStdcall)])]
    private static int Notify(PrjCallbackData* data, byte isDirectory, PrjNotifyTypes what, char* destination, nint parameters)
    {
        try
        {
            return Enter(data, out ProjectedCommand command)
                .Notify(command, what, destination is null ? null : new string(destination), isDirectory != 0);
        }
        catch (Exception)
        {
            return HResult.InternalError;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvStdcall)])]
    private static void CancelCommand(PrjCallbackData* data)
    {
        try
        {
            Enter(data, out _).Cancel(data->CommandId);
        }
        catch (Exception)
        {
            // There is nobody to tell.
        }
    }

    private static long? ContentIdOf(PrjPlaceholderVersionInfo* version) =>
        version is not null && version->ProviderID[..].StartsWith(Mark) ? MemoryMarshal.Read<long>(version->ContentID[..]) : null;

    private sealed class DirectoryBuffer(nint buffer) : IDirectoryBuffer
    {
        public int Add(string name, in ProjectedEntry entry)
        {
            PrjFileBasicInfo info = BasicInfo(entry);
            if (entry.LinkTarget is null)
            {
                return ProjFsNative.PrjFillDirEntryBuffer(name, &info, buffer);
            }

            fixed (char* target = entry.LinkTarget)
            {
                PrjExtendedInfo extended = new() { InfoType = PrjExtInfoType.Symlink, Symlink = target };
                return ProjFsNative.PrjFillDirEntryBuffer2(buffer, name, &info, &extended);
            }
        }
    }
}
