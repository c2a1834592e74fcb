using Microsoft.Win32.SafeHandles;
using Repr.Requester.Content;
using Repr.Requester.Files;
using Repr.Requester.Placeholders;

namespace Repr.Requester.Actions;

/// <summary>
/// Writes an action's outputs: validates all of them before the first effect, fetches everything into temporary files beside the
/// targets, and only when all of it is there and checked renames each into place. Works by directory handles and follows no
/// link: one that is in the place of an output is replaced. Outputs that may stay placeholders become links, and nothing is fetched for them. Times are this machine's.
/// Safe for concurrent use by actions with different outputs.
/// </summary>
/// <param name="digests">Learns what was written.</param>
/// <param name="placeholders">Where placeholders are shown; null: there are none.</param>
internal sealed class OutputWriter(DigestCache digests, PlaceholderMount? placeholders)
{
    /// <summary>The end of each temporary name.</summary>
    public const string TemporarySuffix = Disk.TemporarySuffix;

    /// <summary>Writes outputs; each file's time is <paramref name="stamp"/>.</summary>
    /// <param name="outputs">What the tool left.</param>
    /// <param name="mapping">Where it may be written.</param>
    /// <param name="stamp">The time of each file.</param>
    /// <param name="source">Has their content.</param>
    /// <param name="statistics">Counts.</param>
    /// <param name="mayReplace">Asked once, when everything is there and checked and nothing was replaced yet.</param>
    /// <param name="cancellationToken">Ends it until then.</param>
    /// <returns>False: it may not, and nothing was written.</returns>
    /// <exception cref="ActionFailureException">
    /// <see cref="MessageCodes.OutputRefused"/>: an output is not within what was declared; nothing was written.
    /// <see cref="MessageCodes.OutputNotWritten"/>: the disk refused.
    /// </exception>
    /// <exception cref="ReprException">A content could not be had, or is not what its digest says; nothing was written.</exception>
    public async Task<bool> WriteAsync(
        IReadOnlyList<ActionOutput> outputs,
        InputMapping mapping,
        DateTime stamp,
        IOutputSource source,
        TransferStatistics statistics,
        Func<bool> mayReplace,
        CancellationToken cancellationToken)
    {
        List<PlannedOutput> plan = OutputPlan.Make(outputs, mapping);
        digests.Placeholders?.TakeNotices(statistics);
        IReadOnlySet<VirtualPath> links = mapping.Placeholders.Count > 0 && placeholders is not null && await placeholders.TryMountAsync(statistics, cancellationToken)
            ? mapping.Placeholders
            : new HashSet<VirtualPath>();
        using Staging staging = new();
        try
        {
            staging.Prepare(plan, file => source.Worker is { } worker && links.Contains(file.Path) ? PlaceholderOf(file, stamp, worker) : null, stamp);
            await source.FetchAsync(staging.Downloads, statistics, cancellationToken);

            cancellationToken.ThrowIfCancellationRequested();
            if (!mayReplace())
            {
                return false;
            }

            // From here on it is carried to its end, so that the outputs are all of one run.
            Place(staging, plan, stamp, source);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ActionFailureException(
                MessageCodes.OutputNotWritten, ReprErrorCode.Internal, $"The outputs could not be written: {exception.Message}", exception);
        }
    }

    // Where the link of a placeholder leads; null: the file is written. A file without content needs no fetching.
    private string? PlaceholderOf(FileOutput file, DateTime stamp, Uri endpoint) => file.Digest.SizeBytes == 0
        ? null
        : digests.Placeholders?.Place(
            new Placeholder(file.Digest, file.Mode & 0x1FF, (stamp - DateTime.UnixEpoch).Ticks * 100, file.Path.Name), endpoint);

    private void Place(Staging staging, List<PlannedOutput> plan, DateTime stamp, IOutputSource source)
    {
        RequireWritable(staging, plan);
        foreach (PlannedOutput output in plan.Where(output => output.Output is FileOutput or SymlinkOutput))
        {
            (string temporary, SafeFileHandle? file) = staging.Find(output);
            using SafeFileHandle parent = staging.OpenDirectory(output.Root, output.ParentRelative);
            if (file is not null && output.Output is FileOutput content)
            {
                Disk.SetMode(file, content.Mode);
                File.SetLastWriteTimeUtc(file, stamp);
                staging.Move(output, temporary, parent);
                digests.Enter(Disk.Stat(file), content.Digest);
                source.NoteWritten(content.Digest);
            }
            else
            {
                staging.Move(output, temporary, parent);
                if (output.Output is FileOutput placeholder)
                {
                    source.NoteWritten(placeholder.Digest);
                }
            }
        }

        foreach (PlannedOutput output in plan.Where(output => output.Output is DeletedOutput).Reverse())
        {
            using SafeFileHandle parent = staging.OpenDirectory(output.Root, output.ParentRelative);
            if (Disk.TryStat(parent, output.Output.Path.Name) is { } stat)
            {
                Disk.Remove(parent, output.Output.Path.Name, stat.IsDirectory);
            }
        }

        SetModes(staging, plan);
    }

    // Makes the directories, and finds out before the first effect on a file whether all of them can be written to.
    private static void RequireWritable(Staging staging, List<PlannedOutput> plan)
    {
        HashSet<(VirtualPath Root, string Place)> seen = [];
        foreach (PlannedOutput output in plan)
        {
            string place = output.Output is DirectoryOutput ? output.Relative : output.ParentRelative;
            if (seen.Contains((output.Root, place)) || (output.Output is DeletedOutput && !staging.HasDirectory(output.Root, place)))
            {
                continue;
            }

            using SafeFileHandle directory = staging.OpenDirectory(output.Root, place);
            if (!Disk.IsWritable(directory))
            {
                throw new UnauthorizedAccessException($"The directory of '{output.Output.Path}' is not writable.");
            }

            seen.Add((output.Root, place));
        }
    }

    // Last, and the deepest first: they may close a directory.
    private static void SetModes(Staging staging, List<PlannedOutput> plan)
    {
        foreach (PlannedOutput output in plan.Where(output => output.Output is DirectoryOutput).Reverse())
        {
            using SafeFileHandle directory = staging.OpenDirectory(output.Root, output.Relative);
            Disk.SetMode(directory, ((DirectoryOutput)output.Output).Mode);
        }
    }

    // Temporary files and open directories of one run; what was not moved is removed at the end.
    private sealed class Staging : IDisposable
    {
        private readonly Dictionary<VirtualPath, SafeFileHandle> _roots = [];
        private readonly Dictionary<VirtualPath, (string Name, SafeFileHandle? File)> _temporaries = [];
        private readonly List<(SafeFileHandle Directory, string Name)> _leftovers = [];

        public List<Download> Downloads { get; } = [];

        public void Prepare(List<PlannedOutput> plan, Func<FileOutput, string?> placeholderOf, DateTime stamp)
        {
            foreach (PlannedOutput output in plan)
            {
                SafeFileHandle root = OpenRoot(output.Root);
                RefuseObstacle(root, output);
                string name = $".{Guid.NewGuid():N}{TemporarySuffix}";
                switch (output.Output)
                {
                    case FileOutput file when placeholderOf(file) is { } target:
                        Disk.CreateSymlink(root, name, target);
                        _leftovers.Add((root, name));
                        _temporaries.Add(output.Output.Path, (name, null));
                        LinuxNative.SetTime(root, name, stamp); // .NET, and so MSBuild, looks at the link's own
                        break;
                    case FileOutput file:
                        SafeFileHandle handle = Disk.CreateFile(root, name);
                        _leftovers.Add((root, name));
                        _temporaries.Add(output.Output.Path, (name, handle));
                        Downloads.Add(new Download(file.Digest, handle));
                        break;
                    case SymlinkOutput link:
                        Disk.CreateSymlink(root, name, link.Target);
                        _leftovers.Add((root, name));
                        _temporaries.Add(output.Output.Path, (name, null));
                        break;
                    default:
                        break;
                }
            }
        }

        public (string Name, SafeFileHandle? File) Find(PlannedOutput output) => _temporaries[output.Output.Path];

        public void Move(PlannedOutput output, string temporary, SafeFileHandle parent)
        {
            SafeFileHandle root = OpenRoot(output.Root);
            Disk.Rename(root, temporary, parent, output.Output.Path.Name);
            _leftovers.Remove((root, temporary));
        }

        public bool HasDirectory(VirtualPath root, string relative)
        {
            using SafeFileHandle? directory = Disk.TryOpenDirectory(OpenRoot(root), relative);
            return directory is not null;
        }

        // Opens a directory below an output root, making what is missing.
        public SafeFileHandle OpenDirectory(VirtualPath root, string relative)
        {
            SafeFileHandle rootHandle = OpenRoot(root);
            if (Disk.TryOpenDirectory(rootHandle, relative) is { } existing)
            {
                return existing;
            }

            int slash = relative.LastIndexOf('/');
            using SafeFileHandle parent = OpenDirectory(root, slash < 0 ? "" : relative[..slash]);
            Disk.CreateDirectory(parent, relative[(slash + 1)..]);
            return Disk.TryOpenDirectory(rootHandle, relative) ?? throw new IOException($"'{root}/{relative}' is not a directory.");
        }

        public void Dispose()
        {
            foreach ((SafeFileHandle directory, string name) in _leftovers)
            {
                try
                {
                    Disk.Remove(directory, name, isDirectory: false);
                }
                catch (IOException)
                {
                    // The directory went away with it.
                }
            }

            foreach ((_, SafeFileHandle? file) in _temporaries.Values)
            {
                file?.Dispose();
            }

            foreach (SafeFileHandle directory in _roots.Values)
            {
                directory.Dispose();
            }
        }

        private SafeFileHandle OpenRoot(VirtualPath root)
        {
            if (!_roots.TryGetValue(root, out SafeFileHandle? handle))
            {
                handle = Disk.TryOpenDirectory(root) ?? throw new IOException($"The directory '{root}' is not there.");
                _roots.Add(root, handle);
            }

            return handle;
        }

        // A file cannot replace a directory, nor a directory a file: found out before anything is touched.
        private static void RefuseObstacle(SafeFileHandle root, PlannedOutput output)
        {
            using SafeFileHandle? parent = Disk.TryOpenDirectory(root, output.ParentRelative);
            if (parent is null || output.Relative.Length == 0 || output.Output is DeletedOutput)
            {
                return;
            }

            if (Disk.TryStat(parent, output.Output.Path.Name) is { } stat && stat.IsDirectory != output.Output is DirectoryOutput)
            {
                throw new IOException(
                    $"'{output.Output.Path}' is {(stat.IsDirectory ? "a directory" : "not a directory")} on this machine.");
            }
        }
    }
}
