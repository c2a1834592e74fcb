using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.ProjFs;

// Answers to the file system.
internal sealed partial class ProjectedDirectory
{
    private int Run(in ProjectedCommand command, Func<CancellationToken, ValueTask<int>> work) => _commands.Run(command.Id, async cancellationToken =>
    {
        try
        {
            return await work(cancellationToken);
        }
        catch (ReprException exception)
        {
            Fail(exception);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Log.Defect(_logger, _root, exception);
            Fail(new ReprException(ReprErrorCode.Internal, $"The projection of the requester's files failed: {exception.Message}", exception));
        }

        return HResult.OperationAborted;
    });

    private async ValueTask<int> StartEnumerationAsync(string path, Guid id, CancellationToken cancellationToken)
    {
        ProjectedNode? directory = await _source.FindAsync(path, cancellationToken);
        List<ProjectedLine> lines = [];
        if (directory is { IsDirectory: true }) // else one that the action made itself
        {
            foreach (ProjectedNode node in await _source.ListAsync(directory, cancellationToken))
            {
                lines.Add(new ProjectedLine(node.Name, await _source.DescribeAsync(node, cancellationToken)));
            }
        }

        _enumerations.Start(id, lines);
        return HResult.Ok;
    }

    private int GetEnumeration(in ProjectedCommand command, Guid id, string? pattern, bool restart, bool single, IDirectoryBuffer buffer)
    {
        int result = _enumerations.Fill(id, pattern, restart, single, buffer);
        if (result == HResult.InvalidHandle)
        {
            Fail(new ReprException(
                ReprErrorCode.Unavailable,
                $"The tool lists more than {_options.MaximumEnumerations} directories at the same time; the listing of '{command.Path}' was lost."));
        }

        return result;
    }

    private async ValueTask<int> WritePlaceholderAsync(string path, CancellationToken cancellationToken)
    {
        if (await _source.FindAsync(path, cancellationToken) is not { } node)
        {
            return HResult.FileNotFound; // no other answer is remembered by the file system
        }

        ProjectedEntry entry = await _source.DescribeAsync(node, cancellationToken);
        string spelled = path[..(path.LastIndexOf('\\') + 1)] + node.Name;
        int result = Use(instance => instance.WritePlaceholder(spelled, entry, node.Id));
        if (result >= 0)
        {
            Interlocked.Increment(ref _placeholders);
        }

        return Judge(result, path, cancellationToken);
    }

    private async ValueTask<int> WriteContentAsync(
        string path, Guid stream, long? contentId, long offset, long length, CancellationToken cancellationToken)
    {
        // By its number: where the file is now says nothing after a rename.
        ProjectedNode? node = contentId is { } id ? _source.Get(id) : await _source.FindAsync(path, cancellationToken);
        if (node is null)
        {
            throw new ReprException(ReprErrorCode.Internal, $"The file system asked for the content of '{path}', which is none of this projection.");
        }

        using SafeFileHandle content = await _source.OpenAsync(node, cancellationToken);
        int result;
        try
        {
            // Content is a file of this machine: reading it waits for the disk only, as writing it does.
            result = Use(instance => instance.WriteFileData(
                stream, (buffer, at) => RandomAccess.Read(content, buffer, at), offset, length, cancellationToken));
        }
        catch (EndOfStreamException exception)
        {
            throw new ReprException(
                ReprErrorCode.Corrupt, $"The content of '{node.Path}' is shorter than the {node.File.SizeBytes} bytes that were promised.", exception);
        }

        if (result >= 0)
        {
            _hydrated.TryAdd(node.Id, 0);
            Interlocked.Add(ref _hydratedBytes, length);
        }

        return Judge(result, path, cancellationToken);
    }

    // What the disk refuses is not the tool's fault, and it must not take it for the requester's answer.
    private int Judge(int result, string path, CancellationToken cancellationToken)
    {
        if (result < 0 && cancellationToken.IsCancellationRequested)
        {
            return HResult.OperationAborted; // nobody waits for it, and the library may have forgotten it
        }

        switch (result)
        {
            case >= 0 or HResult.OperationAborted:
            case HResult.FileExists or HResult.AlreadyExists or HResult.FileNotFound or HResult.PathNotFound: // the tool was faster
                return result;
            case HResult.DiskFull or HResult.HandleDiskFull:
                throw new ReprException(ReprErrorCode.Exhausted, $"The volume of '{_root}' is full.");
            default:
                throw new ReprException(ReprErrorCode.Unavailable, $"'{path}' could not be written to '{_root}' (0x{result:X8}).");
        }
    }

    private int Notify(string path, PrjNotifyTypes what, string? destination)
    {
        switch (what)
        {
            case PrjNotifyTypes.PreRename or PrjNotifyTypes.PreSetHardlink:
                return string.IsNullOrEmpty(destination) ? HResult.AccessDenied : HResult.Ok; // out of the action's world
            case PrjNotifyTypes.FileRenamed:
                _notes.Renamed(path, destination ?? "");
                break;
            case PrjNotifyTypes.HardlinkCreated:
                _notes.Written(destination ?? "");
                break;
            case PrjNotifyTypes.FileHandleClosedFileDeleted:
                _notes.Deleted(path);
                break;
            default:
                _notes.Written(path);
                break;
        }

        return HResult.Ok;
    }

    private sealed class Callbacks(ProjectedDirectory directory) : IProjectionCallbacks
    {
        public int StartEnumeration(in ProjectedCommand command, Guid enumeration)
        {
            string path = command.Path;
            return directory.Run(command, cancellationToken => directory.StartEnumerationAsync(path, enumeration, cancellationToken));
        }

        public int GetEnumeration(in ProjectedCommand command, Guid enumeration, string? pattern, bool restart, bool single, IDirectoryBuffer buffer) =>
            directory.GetEnumeration(command, enumeration, pattern, restart, single, buffer);

        public int EndEnumeration(Guid enumeration)
        {
            directory._enumerations.End(enumeration);
            return HResult.Ok;
        }

        public int GetPlaceholder(in ProjectedCommand command)
        {
            string path = command.Path;
            return directory.Run(command, cancellationToken => directory.WritePlaceholderAsync(path, cancellationToken));
        }

        public int GetFileData(in ProjectedCommand command, Guid stream, long? contentId, long offset, long length)
        {
            string path = command.Path;
            return directory.Run(
                command, cancellationToken => directory.WriteContentAsync(path, stream, contentId, offset, length, cancellationToken));
        }

        public int QueryName(in ProjectedCommand command)
        {
            string path = command.Path;
            return directory.Run(
                command,
                async cancellationToken => await directory._source.FindAsync(path, cancellationToken) is null ? HResult.FileNotFound : HResult.Ok);
        }

        public int Notify(in ProjectedCommand command, PrjNotifyTypes what, string? destination, bool isDirectory) =>
            directory.Notify(command.Path, what, destination);

        public void Cancel(int commandId) => directory._commands.Cancel(commandId);
    }
}
