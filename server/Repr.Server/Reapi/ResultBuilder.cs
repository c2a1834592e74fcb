using System.Text;
using Google.Protobuf;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using CoreActionResult = Repr.ActionResult;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;
using ReapiDirectory = Repr.Protocol.Reapi.Directory;

namespace Repr.Server.Reapi;

/// <summary>
/// Says in the words of the Remote Execution API what an action left: not what it changed, as <see cref="CoreActionResult"/> does, but what
/// is there at each wanted output, input or not. For one action, one thread.
/// </summary>
internal sealed class ResultBuilder(PreparedAction action, CoreActionResult run, ILocalContentStore store, IContentLease lease)
{
    private const int AnyExecute = 0x49; // 0o111
    private const int SignalBase = 128; // as shells say it

    private readonly Dictionary<VirtualPath, ActionOutput> _changes = run.Outputs.ToDictionary(output => output.Path);
    private readonly HashSet<VirtualPath> _undeclared = [.. run.UndeclaredWrites];
    private ILookup<VirtualPath, VirtualPath>? _children;

    /// <summary>Builds the result; trees are put into the store.</summary>
    /// <exception cref="ReapiException">An output is of another kind than the client said.</exception>
    /// <exception cref="ReprException">The store does not answer.</exception>
    public async Task<ReapiActionResult> BuildAsync(CancellationToken cancellationToken)
    {
        ReapiActionResult result = new()
        {
            ExitCode = run.Exit.Kind == ExitKind.Code ? run.Exit.Value : SignalBase + run.Exit.Value,
        };
        foreach (WantedOutput output in action.Outputs)
        {
            switch (At(output.Path))
            {
                case FileFact file:
                    Require(output, OutputKind.Directory, "file");
                    result.OutputFiles.Add(new OutputFile
                    {
                        Path = output.Text,
                        Digest = file.Digest!.Value.ToReapi(),
                        IsExecutable = IsExecutable(file),
                    });
                    break;
                case SymlinkFact link:
                    (output.Kind switch
                    {
                        OutputKind.File => result.OutputFileSymlinks,
                        OutputKind.Directory => result.OutputDirectorySymlinks,
                        _ => result.OutputSymlinks,
                    }).Add(new OutputSymlink { Path = output.Text, Target = link.Target });
                    break;
                case DirectoryFact:
                    Require(output, OutputKind.File, "directory");
                    result.OutputDirectories.Add(new OutputDirectory
                    {
                        Path = output.Text,
                        TreeDigest = (await StoreTreeAsync(output.Path, cancellationToken)).ToReapi(),
                    });
                    break;
            }
        }

        return result;
    }

    private static void Require(WantedOutput output, OutputKind wrong, string found)
    {
        if (output.Kind == wrong)
        {
            throw ReapiException.Unmet($"The output '{output.Text}' was to be a {wrong.ToString().ToLowerInvariant()}, and is a {found}.");
        }
    }

    private static bool IsExecutable(FileFact file) => (file.Mode & AnyExecute) != 0;

    // The API's order: of UTF-8 bytes.
    private static int Compare(string left, string right) =>
        Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right));

    private InputFact? At(VirtualPath path) => _changes.TryGetValue(path, out ActionOutput? change)
        ? change switch
        {
            FileOutput file => new FileFact(path, file.Digest, file.Digest.SizeBytes, file.Mode, 0),
            SymlinkOutput link => new SymlinkFact(path, link.Target),
            DirectoryOutput directory => new DirectoryFact(path, IsComplete: true, directory.Mode, 0),
            _ => null,
        }
        : IsBelowReplaced(path) ? null : action.Inputs.Facts.GetValueOrDefault(path);

    // Of a directory outside the outputs only the change is known, not what is left of it: an input below it does not count as an output.
    private bool IsBelowReplaced(VirtualPath path)
    {
        while (_undeclared.Count > 0 && !path.IsRoot)
        {
            path = path.Parent;
            if (_undeclared.Contains(path))
            {
                return true;
            }
        }

        return false;
    }

    private async ValueTask<Digest> StoreTreeAsync(VirtualPath root, CancellationToken cancellationToken)
    {
        _children ??= action.Inputs.Facts.Keys.Concat(_changes.Keys)
            .Distinct()
            .Where(path => !path.IsRoot)
            .ToLookup(path => path.Parent);
        Tree tree = new();
        tree.Root = DirectoryAt(root, tree, []);
        byte[] bytes = tree.ToByteArray();
        Digest digest = Digest.Compute(bytes);
        lease.Add(digest);
        using MemoryStream content = new(bytes, writable: false);
        await store.PutAsync(digest, content, cancellationToken);
        return digest;
    }

    private ReapiDirectory DirectoryAt(VirtualPath path, Tree tree, HashSet<Digest> known)
    {
        ReapiDirectory directory = new();
        foreach (VirtualPath child in _children![path].OrderBy(child => child.Name, Comparer<string>.Create(Compare)))
        {
            switch (At(child))
            {
                case FileFact file:
                    directory.Files.Add(new FileNode { Name = child.Name, Digest = file.Digest!.Value.ToReapi(), IsExecutable = IsExecutable(file) });
                    break;
                case SymlinkFact link:
                    directory.Symlinks.Add(new SymlinkNode { Name = child.Name, Target = link.Target });
                    break;
                case DirectoryFact:
                    ReapiDirectory below = DirectoryAt(child, tree, known);
                    Digest digest = Digest.Compute(below.ToByteArray());
                    if (known.Add(digest))
                    {
                        tree.Children.Add(below);
                    }

                    directory.Directories.Add(new DirectoryNode { Name = child.Name, Digest = digest.ToReapi() });
                    break;
            }
        }

        return directory;
    }
}
