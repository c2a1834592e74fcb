using System.Runtime.Versioning;

namespace Repr.Workspaces.Windows;

/// <summary>Where one drive of the requester is for one action.</summary>
/// <param name="Letter">Upper case.</param>
/// <param name="Path">The device path that the tool's opens of the drive arrive with.</param>
/// <param name="Staging">The action's staging directory on the same volume.</param>
/// <param name="Link">The letter has to be made first; null: the worker has it.</param>
internal sealed record StagedDrive(char Letter, string Path, string Staging, DriveLink? Link);

/// <summary>
/// The volumes of this machine with the staging directories on them, as the driver knows them, and what stands for drives that the
/// requester has and this machine has not. Safe for concurrent use.
/// </summary>
/// <remarks>
/// What is redirected stays on its volume (docs/adr/0016): a fixed drive that both have is staged on itself. Any other drive is a letter
/// for an empty directory beside the staging directories, which is redirected.
/// </remarks>
[SupportedOSPlatform("windows")]
internal sealed class WorkVolumes(FilterPort port) : IDisposable
{
    private const string OtherVolumes = "repr-staging";

    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _roots = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<char, DriveLink> _links = [];

    /// <summary>The device path of a path of this machine.</summary>
    /// <exception cref="IOException">Its drive is none.</exception>
    public static string DevicePathOf(string path) =>
        (VolumeNative.DeviceOf(path[..2]) ?? throw new IOException($"'{path}' is on no drive.")) + path[2..].TrimEnd('\\');

    /// <summary>Says where the drives are staged for an action; the driver knows the volumes then.</summary>
    /// <param name="staging">The action's staging directory.</param>
    /// <param name="letters">The requester's drives, upper case.</param>
    /// <exception cref="ReprException">The driver refused a volume, or the staging directory on one is somebody else's.</exception>
    /// <exception cref="IOException">A directory could not be made.</exception>
    public IReadOnlyList<StagedDrive> Stage(string staging, IEnumerable<char> letters)
    {
        string root = Path.GetDirectoryName(staging)!;
        string home = VolumeNative.DeviceOf(root[..2]) ?? throw new IOException($"'{root}' is on no drive.");
        lock (_lock)
        {
            AddVolume(home, root);
            return [.. letters.Select(letter => StageDrive(letter, staging, root, home))];
        }
    }

    /// <summary>Takes away the letters that were made in this session, and the directories on other volumes.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (DriveLink link in _links.Values)
            {
                VolumeNative.RemoveLink(link.Letter, link.Target);
            }
        }
    }

    private StagedDrive StageDrive(char letter, string staging, string root, string home)
    {
        string drive = letter + ":";
        string? device = VolumeNative.DeviceOf(drive);
        if (string.Equals(device, home, StringComparison.OrdinalIgnoreCase))
        {
            return new StagedDrive(letter, home, staging, null);
        }

        if (device is not null && !_links.ContainsKey(letter) && new DriveInfo(drive).DriveType == DriveType.Fixed)
        {
            // The worker's own directory on that volume, by the name of this run: what an earlier one left is of no use to anybody.
            string other = Path.Combine(drive + "\\", OtherVolumes, Path.GetFileName(root));
            if (!_roots.ContainsKey(device) && Directory.Exists(Path.GetDirectoryName(other)))
            {
                StagingDirectory.Delete(Path.GetDirectoryName(other)!);
            }

            MakePrivate(Path.GetDirectoryName(other)!);
            AddVolume(device, other);
            return new StagedDrive(letter, device, Directory.CreateDirectory(Path.Combine(other, Path.GetFileName(staging))).FullName, null);
        }

        if (!_links.TryGetValue(letter, out DriveLink link))
        {
            string directory = Directory.CreateDirectory(Path.Combine(root + ".drives", letter.ToString())).FullName;
            link = new DriveLink(drive, DevicePathOf(directory));
            _links.Add(letter, link);
        }

        return new StagedDrive(letter, link.Target, staging, link);
    }

    // On a drive's root anybody may have been first.
    private static void MakePrivate(string directory)
    {
        try
        {
            PrivateDirectory.Create(directory);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new ReprException(ReprErrorCode.Unavailable, exception.Message, exception);
        }
    }

    private void AddVolume(string device, string root)
    {
        if (!_roots.TryGetValue(device, out string? known))
        {
            Directory.CreateDirectory(root);
            port.AddVolume(device, root[2..]);
            _roots.Add(device, root);
        }
        else if (!known.Equals(root, StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidOperationException($"The staging directories of one worker are all in '{known}', not in '{root}'.");
        }
    }
}
