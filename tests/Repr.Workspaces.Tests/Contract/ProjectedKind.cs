using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Testing;
using Repr.Workspaces.ProjFs;
using Repr.Workspaces.Tests.ProjFs;

namespace Repr.Workspaces.Tests.Contract;

/// <summary>
/// The projected directory, below a test double of the Projected File System, which plays the tool too. Each case is run with answers
/// that are there at once and ample buffers, and with late answers, buffers for one line, pieces of content and hidden tombstones.
/// </summary>
internal sealed class ProjectedKind : WorkspaceKind
{
    /// <summary>Which column this process fills.</summary>
    public static string ColumnName => OperatingSystem.IsWindows() ? "projfs (double, Wine)" : "projfs (double, Linux)";

    /// <inheritdoc/>
    public override string Name => ColumnName;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Impossible => WorkspaceCases.ImpossibleOnProjFs;

    /// <inheritdoc/>
    public override int Rounds => 2;

    /// <inheritdoc/>
    public override async Task<ToolOutcome> RunAsync(
        int round, MemoryFileSource files, IReadOnlyList<ToolStep> steps, CancellationToken cancellationToken)
    {
        ProjectedTool.Set(round == 0
            ? new DoubleSettings { BufferEntries = 64 }
            : new DoubleSettings { BufferEntries = 1, DataChunk = 1 << 20, HideTombstones = 1 });
        string staging = Directory.CreateTempSubdirectory("repr-staging-").FullName;
        try
        {
            return await RunInAsync(staging, round == 0 ? files : new LateSource(files), steps, mustBePending: round > 0, cancellationToken);
        }
        finally
        {
            Directory.Delete(staging, recursive: true); // possible only after the stop
        }
    }

    private static async Task<ToolOutcome> RunInAsync(
        string staging, IFileSource source, IReadOnlyList<ToolStep> steps, bool mustBePending, CancellationToken cancellationToken)
    {
        TaskCompletionSource<ReprException> failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ProjectedDirectoryOptions options = new() { OnFailure = failure => failed.TrySetResult(failure) };
        await using (ProjectedDirectory directory =
            await ProjectedDirectory.StartAsync(staging, source, new NativeProjFs(), options, NullLogger.Instance))
        {
            ProjectedTool tool = new(staging);
            using CancellationTokenRegistration killing = cancellationToken.Register(directory.Abort);
            List<string> said = await ProjectedTool.OnThread(() => steps.Select(step => Do(tool, step)).ToList());
            cancellationToken.ThrowIfCancellationRequested();
            if (directory.Failure is { } failure)
            {
                Assert.Same(failure, await failed.Task);
                throw failure;
            }

            IReadOnlyList<WorkspaceChange> changes = await directory.CollectChangesAsync(cancellationToken);
            await directory.StopAsync();
            ToolOutcome outcome = new(
                said,
                changes,
                changes.Where(change => change.LocalPath is not null)
                    .ToDictionary(change => change.Path.Text, change => File.ReadAllBytes(change.LocalPath!)));
            tool.AssertNoViolation();
            Assert.Equal(0u, tool.Count(DoubleCount.Late));
            Assert.Equal(0, directory.OpenEnumerations);
            Assert.True(!mustBePending || tool.Count(DoubleCount.Pending) > 0, "Nothing was pending.");
            return outcome;
        }
    }

    private static string Do(ProjectedTool tool, ToolStep step)
    {
        switch (step)
        {
            case ToolStep.Read read:
                return tool.ReadText(Local(read.Path)) ?? ToolStep.Absent;
            case ToolStep.ReadRange read:
                return tool.Read(Local(read.Path), out byte[] part, read.Offset, read.Length) < 0 ? ToolStep.Absent : Encoding.UTF8.GetString(part);
            case ToolStep.Probe probe:
                return tool.Stat(Local(probe.Path), out PrjFileBasicInfo info, out _) < 0 ? ToolStep.Absent : info.IsDirectory != 0 ? "directory" : "file";
            case ToolStep.List list:
                return tool.List(Local(list.Path), out string[] names, list.Pattern) < 0
                    ? ToolStep.Absent
                    : string.Join(' ', names.Order(StringComparer.Ordinal));
            case ToolStep.Copy copy:
                return tool.Read(Local(copy.From), out byte[] content) < 0 ? ToolStep.Refused : Say(tool.Write(Local(copy.To), content));
            case ToolStep.Write write:
                return Say(tool.Write(Local(write.Path), write.Text));
            case ToolStep.Append append:
                return Say(tool.Write(Local(append.Path), append.Text, append: true));
            case ToolStep.Delete delete:
                return Say(tool.Delete(Local(delete.Path)));
            case ToolStep.Rename rename:
                return Say(tool.Rename(Local(rename.From), Local(rename.To)));
            case ToolStep.MakeDirectory make:
                return Say(tool.MakeDirectory(Local(make.Path)));
            case ToolStep.Touch touch:
                return Say(tool.Touch(Local(touch.Path)));
            case ToolStep.ReadAtOnce read:
                return string.Join(' ', ReadAtOnce(tool, read.Paths).Order(StringComparer.Ordinal));
            default:
                throw new ArgumentOutOfRangeException(nameof(step));
        }
    }

    // As 8 processes would, each with its part.
    private static List<string> ReadAtOnce(ProjectedTool tool, string[] paths)
    {
        List<string> texts = [];
        int next = -1;
        Thread[] threads =
        [
            .. Enumerable.Range(0, 8).Select(_ => new Thread(() =>
            {
                for (int i = Interlocked.Increment(ref next); i < paths.Length; i = Interlocked.Increment(ref next))
                {
                    string text = tool.ReadText(Local(paths[i])) ?? ToolStep.Absent;
                    lock (texts)
                    {
                        texts.Add(text);
                    }
                }
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return texts;
    }

    private static string Say(int result) => result >= 0 ? ToolStep.Done : ToolStep.Refused;

    // "/C:/src/x" lies at C\src\x, which is where the driver sends C:\src\x.
    private static string Local(string path) => string.Concat(path.AsSpan(1, 1), path.AsSpan(3)).Replace('/', '\\');
}
