using System.Runtime.Versioning;
using Repr.Workspaces.Launcher;
using Repr.Workspaces.Resident;

namespace Repr.Workspaces.Fuse;

/// <summary>
/// Workspaces in which files appear when they are asked for: a FUSE file system, spoken directly over /dev/fuse, below an
/// overlayfs that takes the writes, in a sandbox of its own namespaces. Linux 5.11 or later.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class FuseWorkspaceProvider : IWorkspaceProvider, IResidentProvider
{
    private readonly SandboxServices _services;
    private readonly SpareSandboxes _spares;
    private readonly ForetoldLayers _foretold;
    private volatile FileOpening _opening = LauncherNative.GetEffectiveUserId() == 0 ? FileOpening.Passthrough : FileOpening.Asked;

    private FuseWorkspaceProvider(SandboxServices services)
    {
        _services = services;
        _spares = new SpareSandboxes(services);
        _foretold = new ForetoldLayers(services.Launcher, services.Logger);
    }

    /// <inheritdoc/>
    public string Name => WorkspaceProviders.Fuse;

    /// <inheritdoc/>
    public string? WhyUnavailable { get; private set; }

    /// <summary>Makes a provider, and tries a small sandbox to learn whether it can be used.</summary>
    public static async ValueTask<FuseWorkspaceProvider> CreateAsync(SandboxServices services, CancellationToken cancellationToken)
    {
        FuseWorkspaceProvider provider = new(services);
        provider.WhyUnavailable = await SandboxProbe.TryAsync(provider, cancellationToken);
        return provider;
    }

    /// <inheritdoc/>
    public async ValueTask<IWorkspace> CreateAsync(
        string stagingDirectory, int slot, Command command, IFileSource files, CancellationToken cancellationToken)
    {
        FileEntry root = await RootOfAsync(files, cancellationToken);
        (uint User, uint Group) identity = SandboxWorkspace.IdentityOf(slot);
        // Of all others something is in the sandbox that is known only now.
        bool isPlain = !command.TakesInput && command.Terminal is null && command.SystemPaths.Count == 0;
        IForetoldFiles? known = isPlain ? files as IForetoldFiles : null;
        ForetoldLayer? foretold = known is null ? null : await _foretold.OfAsync(slot, identity, known.Caller, cancellationToken);
        SpareKey key = new(command.UserId, command.GroupId, identity, root, _opening, foretold);
        SpareSandbox? spare = isPlain ? await _spares.TakeAsync(slot, key) : null;
        IReadOnlyDictionary<VirtualPath, ForetoldEntry>? shown = null;
        try
        {
            shown = foretold?.Show(known!);
        }
        catch (Exception exception)
        {
            key = key with { Foretold = null };
            if (spare is not null)
            {
                await spare.DisposeAsync(); // it has the layer mounted
                spare = null;
            }

            _foretold.Drop(slot, exception);
            if (exception is not IOException)
            {
                throw;
            }
        }

        FuseTree tree = spare?.Tree ?? new FuseTree(files, root);
        ILowerLayer lower = shown is null ? tree : new ForetoldLower(shown, tree);
        return new SandboxWorkspace(_services, stagingDirectory, identity, command, new ServedFiles(files, tree, key.Opening, key.Foretold), lower, spare)
        {
            OnNoPassthrough = () => _opening = FileOpening.Asked,
            OnStarted = isPlain ? () => _spares.Prepare(slot, command, key, Path.GetDirectoryName(stagingDirectory)!) : null,
        };
    }

    /// <inheritdoc/>
    public VirtualPath Socket { get; } = VirtualPath.Parse("/tmp/repr-resident");

    /// <inheritdoc/>
    public async ValueTask<IResidentTool> StartAsync(
        string stagingDirectory, int slot, Command command, IFileSource files, CancellationToken cancellationToken) =>
        await ResidentSandbox.StartAsync(
            _services,
            stagingDirectory,
            SandboxWorkspace.IdentityOf(slot),
            command with { WorkingDirectory = VirtualPath.Root },
            files,
            _opening,
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _spares.DisposeAsync();
        _foretold.Dispose();
        await _services.Launcher.DisposeAsync();
    }

    /// <summary>What "/" of a source is like.</summary>
    internal static async ValueTask<FileEntry> RootOfAsync(IFileSource files, CancellationToken cancellationToken) =>
        await files.FindAsync(VirtualPath.Root, cancellationToken) ?? new FileEntry("", FileKind.Directory, 0, 0, SandboxProbe.DirectoryMode);
}
