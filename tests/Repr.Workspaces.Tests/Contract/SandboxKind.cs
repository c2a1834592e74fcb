using System.Globalization;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Testing;
using Repr.Workspaces.Tests.Fuse;

namespace Repr.Workspaces.Tests.Contract;

/// <summary>Workspaces of Linux: the tool is a shell with this machine's programs.</summary>
[SupportedOSPlatform("linux")]
internal sealed class SandboxKind(string name, string provider, IReadOnlyDictionary<string, string> impossible) : WorkspaceKind
{
    private const char Separator = '\u0001';

    private IWorkspaceProvider? _provider;

    /// <inheritdoc/>
    public override string Name => name;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Impossible => impossible;

    /// <summary>In FUSE's second round the tool runs twice: then all that it looks at is foretold, which only root can have.</summary>
    public override int Rounds => provider == WorkspaceProviders.Fuse && Environment.UserName == "root" ? 2 : 1;

    /// <inheritdoc/>
    public override async ValueTask<string?> WhyUnavailableAsync(CancellationToken cancellationToken) =>
        (await ProviderAsync(cancellationToken)).WhyUnavailable;

    /// <inheritdoc/>
    public override MemoryFileSource NewFiles() => new(new PassThroughFileSource(SystemTools.Roots));

    /// <inheritdoc/>
    public override async Task<ToolOutcome> RunAsync(
        int round, MemoryFileSource files, IReadOnlyList<ToolStep> steps, CancellationToken cancellationToken)
    {
        StringBuilder script = new("export LC_ALL=C\n");
        foreach (ToolStep step in steps)
        {
            script.Append(Script(step)).Append(CultureInfo.InvariantCulture, $"\nprintf '{Separator}'\n");
        }

        files.AddFile("/script", script.ToString());
        if (round == 0)
        {
            return await RunAsync(files, cancellationToken);
        }

        RecordedFiles recorded = new(files);
        ToolOutcome first = await RunAsync(recorded, cancellationToken);
        recorded.Foretells = true;
        ToolOutcome second = await RunAsync(recorded, cancellationToken);
        Assert.Equal(first.Said, second.Said);
        Assert.Equal(first.Changed, second.Changed);
        Assert.Contains(VirtualPath.Parse("/script"), recorded.Shown.Keys);
        return second;
    }

    private async Task<ToolOutcome> RunAsync(IFileSource files, CancellationToken cancellationToken)
    {
        Command command = new()
        {
            Arguments = ["/bin/sh", "/script"],
            WorkingDirectory = VirtualPath.Root,
            Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin" },
            OutputRoots = [VirtualPath.Parse("/C:")],
            CopyRoots = [.. SystemTools.Roots, VirtualPath.Parse("/script"), VirtualPath.Parse("/C:")],
            UserId = 1234,
            GroupId = 567,
        };
        CollectedText text = new();
        IWorkspaceProvider made = await ProviderAsync(cancellationToken);
        string staging = Directory.CreateTempSubdirectory("repr-staging-").FullName;
        ToolOutcome outcome;
        await using (IWorkspace workspace = await made.CreateAsync(staging, 0, command, files, cancellationToken))
        {
            ToolRun run = await workspace.RunAsync(text, input: null, cancellationToken);
            Assert.Equal(new ToolExit(ExitKind.Code, 0), run.Exit);
            IReadOnlyList<WorkspaceChange> changes = workspace.CollectChanges();
            outcome = new ToolOutcome(
                text.All.Split(Separator)[..^1],
                changes,
                changes.Where(change => change.LocalPath is not null)
                    .ToDictionary(change => change.Path.Text, change => File.ReadAllBytes(change.LocalPath!)));
        }

        Assert.False(Directory.Exists(staging));
        return outcome;
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_provider is not null)
        {
            await _provider.DisposeAsync();
        }
    }

    private async ValueTask<IWorkspaceProvider> ProviderAsync(CancellationToken cancellationToken) =>
        _provider ??= await WorkspaceProviders.CreateAsync(provider, TimeProvider.System, NullLogger.Instance, cancellationToken);

    private static string Script(ToolStep step) => step switch
    {
        ToolStep.Read read => $"cat {Quote(read.Path)} 2>/dev/null || printf {ToolStep.Absent}",
        ToolStep.ReadRange read => $"tail -c +{read.Offset + 1} {Quote(read.Path)} | head -c {read.Length}",
        ToolStep.Probe probe =>
            $"if [ -d {Quote(probe.Path)} ]; then printf directory; elif [ -e {Quote(probe.Path)} ]; then printf file; else printf {ToolStep.Absent}; fi",
        ToolStep.List list => $"if [ -d {Quote(list.Path)} ]; then cd {Quote(list.Path)}; set -- $(printf '%s ' {list.Pattern}); "
            + $"cd /; [ \"$1\" = {Quote(list.Pattern)} ] || printf %s \"$*\"; else printf {ToolStep.Absent}; fi",
        ToolStep.Write write => Try($"printf %s {Quote(write.Text)} > {Quote(write.Path)}"),
        ToolStep.Append append => Try($"printf %s {Quote(append.Text)} >> {Quote(append.Path)}"),
        ToolStep.Copy copy => Try($"cp {Quote(copy.From)} {Quote(copy.To)}"),
        ToolStep.Delete delete => Try($"if [ -d {Quote(delete.Path)} ]; then rmdir {Quote(delete.Path)}; else rm {Quote(delete.Path)}; fi"),
        ToolStep.Rename rename => Try($"mv -T {Quote(rename.From)} {Quote(rename.To)}"),
        ToolStep.MakeDirectory make => Try($"mkdir {Quote(make.Path)}"),
        ToolStep.Touch touch => Try($"touch {Quote(touch.Path)}"),
        ToolStep.ReadAtOnce read => $"set -- $({{ {string.Concat(read.Paths.Select(path => $"printf '%s\\n' \"$(cat {Quote(path)})\" & "))} wait; }} | sort); printf %s \"$*\"",
        _ => throw new ArgumentOutOfRangeException(nameof(step)),
    };

    private static string Try(string commands) => $"( {commands} ) 2>/dev/null && printf {ToolStep.Done} || printf {ToolStep.Refused}";

    private static string Quote(string text) => "'" + text.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
