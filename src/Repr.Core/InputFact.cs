namespace Repr;

/// <summary>
/// Something known about one path of the requester. Facts do not change while an action runs. One of
/// <see cref="FileFact"/>, <see cref="DirectoryFact"/>, <see cref="SymlinkFact"/>, <see cref="AbsentFact"/>.
/// </summary>
/// <param name="Path">Where.</param>
public abstract record InputFact(VirtualPath Path);

/// <summary>A regular file.</summary>
/// <param name="Path">Where.</param>
/// <param name="Digest">Its content; null when nobody has asked for it yet.</param>
/// <param name="SizeBytes">Its length.</param>
/// <param name="Mode">Permission bits, 0o7777.</param>
/// <param name="ModifiedNs">Nanoseconds since 1970 UTC on the requester's clock.</param>
public sealed record FileFact(VirtualPath Path, Digest? Digest, long SizeBytes, int Mode, long ModifiedNs) : InputFact(Path);

/// <summary>A directory.</summary>
/// <param name="Path">Where.</param>
/// <param name="IsComplete">All its names are among the facts: any other name is absent.</param>
/// <param name="Mode">Permission bits, 0o7777.</param>
/// <param name="ModifiedNs">Nanoseconds since 1970 UTC on the requester's clock.</param>
public sealed record DirectoryFact(VirtualPath Path, bool IsComplete, int Mode, long ModifiedNs) : InputFact(Path)
{
    private const int Sticky = 0x200; // S_ISVTX, inode(7)

    /// <summary>Whether everybody's programs make files here all the time, as in /tmp: its time will be another one soon.</summary>
    public bool IsBusy => !IsComplete && (Mode & Sticky) != 0;
}

/// <summary>A symbolic link.</summary>
/// <param name="Path">Where.</param>
/// <param name="Target">Its text, as it stands in the link: may be relative, may dangle.</param>
public sealed record SymlinkFact(VirtualPath Path, string Target) : InputFact(Path);

/// <summary>There is nothing at this path.</summary>
/// <param name="Path">Where.</param>
public sealed record AbsentFact(VirtualPath Path) : InputFact(Path);
