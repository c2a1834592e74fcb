namespace Repr.Workspaces.Fuse;

/// <summary>How the kernel opens a file of a mount, and comes by its content.</summary>
internal enum FileOpening
{
    /// <summary>It asks to open it, and for what it reads.</summary>
    Asked,

    /// <summary>It asks to open it, and reads the content of the store itself. Needs CAP_SYS_ADMIN and Linux 6.9; else as <see cref="Asked"/>.</summary>
    Passthrough,

    /// <summary>
    /// It opens it without a question, and asks for what it reads: for a tree that does not change, on a kernel that is good at it (<see cref="FuseKernel.OpensSilently"/>). The content of a
    /// file is the source's when it is read first.
    /// </summary>
    Silent,
}
