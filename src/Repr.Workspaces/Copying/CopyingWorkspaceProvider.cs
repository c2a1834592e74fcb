using System.Runtime.Versioning;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces.Copying;

/// <summary>
/// Workspaces for machines without /dev/fuse: everything below <see cref="Command.CopyRoots"/> is copied before the tool starts,
/// and the tool runs in the same sandbox above the copy.
/// </summary>
/// <remarks>
/// Weaker than the FUSE workspace: what lies outside the copied roots is absent for the tool, although the requester has it, and
/// nobody notices. A tool that looks for such a file gives the verdict "not found", and one that merely tries whether a file is
/// there may give another result. So the roots must cover everything that the tool can look at. It is slow, too: all is copied,
/// needed or not. Use it where FUSE cannot be had, and nowhere else.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class CopyingWorkspaceProvider : IWorkspaceProvider
{
    private readonly SandboxServices _services;

    private CopyingWorkspaceProvider(SandboxServices services) => _services = services;

    /// <inheritdoc/>
    public string Name => WorkspaceProviders.Copying;

    /// <inheritdoc/>
    public string? WhyUnavailable { get; private set; }

    /// <summary>Makes a provider, and tries a small sandbox to learn whether it can be used.</summary>
    public static async ValueTask<CopyingWorkspaceProvider> CreateAsync(
        SandboxServices services, CancellationToken cancellationToken)
    {
        CopyingWorkspaceProvider provider = new(services);
        provider.WhyUnavailable = await SandboxProbe.TryAsync(provider, cancellationToken);
        return provider;
    }

    /// <inheritdoc/>
    public async ValueTask<IWorkspace> CreateAsync(
        string stagingDirectory, int slot, Command command, IFileSource files, CancellationToken cancellationToken)
    {
        if (command.CopyRoots.Count == 0)
        {
            StagingDirectory.Delete(stagingDirectory);
            throw new ReprException(
                ReprErrorCode.InvalidRequest,
                "This worker copies inputs before the tool starts, and the action names no directories to copy. Use a worker with FUSE.");
        }

        (uint User, uint Group) identity = SandboxWorkspace.IdentityOf(slot);
        string lower = Path.Combine(stagingDirectory, "lower");
        CopiedFiles copied = new(files, lower, LauncherNative.GetEffectiveUserId() == 0 ? identity : null);
        try
        {
            Directory.CreateDirectory(lower);
            foreach (VirtualPath root in command.CopyRoots)
            {
                await copied.CopyAsync(root, cancellationToken);
            }

            copied.Seal();
        }
        catch (Exception exception)
        {
            StagingDirectory.Delete(stagingDirectory);
            if (exception is IOException)
            {
                throw new ReprException(
                    ReprErrorCode.Exhausted, $"The inputs could not be copied to '{stagingDirectory}': {exception.Message}", exception);
            }

            throw;
        }

        return new SandboxWorkspace(_services, stagingDirectory, identity, command, served: null, copied);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _services.Launcher.DisposeAsync();
}
