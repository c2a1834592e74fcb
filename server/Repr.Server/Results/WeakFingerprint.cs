using System.Runtime.InteropServices;
using Repr.Server.Execution;

namespace Repr.Server.Results;

/// <summary>What names a command before anything of the requester's files is looked at. Pure.</summary>
internal static class WeakFingerprint
{
    private const string Kind = "repr command 1";

    /// <summary>Makes it.</summary>
    /// <param name="request">The action.</param>
    /// <param name="caller">Who may take what this run leaves: a caller's name, or the same for all.</param>
    /// <param name="workspace">The kind of workspace: what a tool sees in it is not the same in all.</param>
    public static Digest Of(ActionRequest request, string caller, string workspace)
    {
        Command command = request.Command;
        using Fingerprint fingerprint = new(Kind);
        fingerprint
            .Add(RuntimeInformation.RuntimeIdentifier)
            .Add(workspace)
            .Add(caller)
            .Add(command.Program.Text)
            .Add(command.Arguments)
            .Add(command.WorkingDirectory.Text)
            .Add(command.UserId)
            .Add(command.GroupId)
            .Add(command.Umask)
            .Add(Sorted(command.OutputRoots))
            .Add(Sorted(command.CopyRoots))
            .Add(command.Environment.Count);
        foreach ((string name, string value) in command.Environment.OrderBy(static pair => pair.Key, StringComparer.Ordinal))
        {
            fingerprint.Add(name).Add(value);
        }

        Terminal? terminal = command.Terminal;
        fingerprint.Add(terminal is null ? 0 : 1).Add(terminal?.Rows ?? 0).Add(terminal?.Columns ?? 0);
        fingerprint.Add((terminal?.IsInput == true ? 1 : 0) + (terminal?.IsOutput == true ? 2 : 0) + (terminal?.IsError == true ? 4 : 0));
        foreach (FileFact file in ResponseFiles(request))
        {
            fingerprint.Add(file.Path.Text).Add(file.Digest!.Value);
        }

        return fingerprint.End();
    }

    private static string[] Sorted(IEnumerable<VirtualPath> paths) => [.. paths.Select(static path => path.Text).Order(StringComparer.Ordinal)];

    /// <summary>
    /// More of the command line. They are read, so they are in the path set too; here they keep apart what has nothing in common.
    /// </summary>
    public static FileFact[] ResponseFiles(ActionRequest request)
    {
        HashSet<VirtualPath> named = [];
        foreach (string argument in request.Command.Arguments.Skip(1).Where(static argument => argument.StartsWith('@')))
        {
            if (VirtualPath.TryParse(Path.GetFullPath(argument[1..], request.Command.WorkingDirectory.Text), out VirtualPath path, out _))
            {
                named.Add(path);
            }
        }

        return named.Count == 0
            ? []
            : [.. request.Inputs.OfType<FileFact>()
                .Where(file => file.Digest is not null && named.Contains(file.Path))
                .OrderBy(static file => file.Path.Text, StringComparer.Ordinal)];
    }
}
