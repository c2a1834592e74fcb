using System.Text;

namespace Repr.Workspaces.Windows;

/// <summary>The environment of an action's tool: the requester's, and what no program of Windows can do without.</summary>
internal static class ToolEnvironment
{
    /// <summary>Where a tool's temporary files are if its requester does not say.</summary>
    public const string DefaultTemporary = @"C:\Temp";

    private static readonly string[] s_ofTheWorker = ["SystemRoot", "windir", "SystemDrive", "ComSpec"];

    /// <summary>The variables.</summary>
    /// <param name="command">Whose variables come first.</param>
    /// <param name="action">A name that no other action of this machine has.</param>
    public static SortedDictionary<string, string> Of(Command command, string action)
    {
        SortedDictionary<string, string> variables = new(StringComparer.OrdinalIgnoreCase);
        foreach (string name in s_ofTheWorker)
        {
            if (Environment.GetEnvironmentVariable(name) is { } value)
            {
                variables[name] = value; // Windows itself is the worker's
            }
        }

        foreach ((string name, string value) in command.Environment)
        {
            variables[name] = value;
        }

        foreach (string name in (string[])["TMP", "TEMP"])
        {
            variables.TryAdd(name, variables.GetValueOrDefault("TEMP", DefaultTemporary));
        }

        // The server that writes PDBs for several compilers would outlive the action and keep its files: each action has one of its own.
        variables["_MSPDBSRV_ENDPOINT_"] = action;
        return variables;
    }

    /// <summary>The directories of temporary files: each action's own; of what its requester has there, only what is mapped is in them.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: it is no path of Windows.</exception>
    public static IReadOnlyList<VirtualPath> TemporaryDirectories(IReadOnlyDictionary<string, string> variables) =>
        [.. new[] { variables["TMP"], variables["TEMP"] }.Select(WindowsPath.Parse).Distinct()];

    /// <summary>The block for CreateProcess.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: a name or value cannot be in it.</exception>
    public static string Block(SortedDictionary<string, string> variables)
    {
        StringBuilder block = new();
        foreach ((string name, string value) in variables)
        {
            if (name.Length == 0 || name.IndexOf('=', 1) >= 0 || name.Contains('\0', StringComparison.Ordinal) || value.Contains('\0', StringComparison.Ordinal))
            {
                throw new ReprException(ReprErrorCode.InvalidRequest, $"The environment variable '{name}' cannot be set on Windows.");
            }

            block.Append(name).Append('=').Append(value).Append('\0');
        }

        return block.Append('\0').ToString();
    }
}
