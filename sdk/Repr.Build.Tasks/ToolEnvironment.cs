namespace Repr.Build;

/// <summary>
/// The environment that a remote tool gets: an allow-list, so that what a developer's shell or a CI machine happens to hold (above all
/// credentials) stays where it is.
/// </summary>
internal static class ToolEnvironment
{
    private static readonly string[] s_names = OperatingSystem.IsWindows()
        ?
        [
            "PATH", "PATHEXT", "COMSPEC", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "OS", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
            "ALLUSERSPROFILE", "NUMBER_OF_PROCESSORS", "INCLUDE", "LIB", "LIBPATH", "CL", "_CL_", "LINK", "_LINK_", "TZ",
        ]
        : ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "LIB"];

    private static readonly string[] s_prefixes = OperatingSystem.IsWindows()
        ? ["DOTNET_", "PROGRAM", "COMMONPROGRAM", "PROCESSOR_", "VC", "VS", "WINDOWSSDK", "UCRT", "UNIVERSALCRT"]
        : ["LC_", "DOTNET_"];

    // Windows does not tell "Path" from "PATH".
    private static readonly StringComparison s_comparison = OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    // The command line interface's own switches; and those that make a runtime load, or wait for, something of this machine.
    private static readonly string[] s_denied =
        ["DOTNET_CLI_", "DOTNET_STARTUP_HOOKS", "DOTNET_DiagnosticPorts", "DOTNET_ADDITIONAL_DEPS", "DOTNET_SHARED_STORE"];

    private static readonly string[] s_secrets = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "KEY"];

    /// <summary>
    /// Selects from an environment, then applies a task's own assignments ("NAME=value"; an empty value removes the name). Those are all
    /// applied: the project names them for the tool. See <see cref="FindSecret"/>.
    /// </summary>
    public static Dictionary<string, string> Select(IEnumerable<KeyValuePair<string, string>> environment, IEnumerable<string> assignments)
    {
        Dictionary<string, string> selected = new(OperatingSystem.IsWindows() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);
        foreach ((string name, string value) in environment)
        {
            if (value.Length > 0 && IsAllowed(name))
            {
                selected[name] = value;
            }
        }

        foreach (string assignment in assignments)
        {
            int equals = assignment.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && equals < assignment.Length - 1)
            {
                selected[assignment[..equals]] = assignment[(equals + 1)..];
            }
            else if (equals > 0)
            {
                selected.Remove(assignment[..equals]);
            }
        }

        if (!OperatingSystem.IsWindows())
        {
            selected["TMPDIR"] = "/tmp";
        }

        return selected;
    }

    /// <summary>The first name among a task's own assignments that must not leave this machine; null: there is none.</summary>
    public static string? FindSecret(IEnumerable<string> assignments) => assignments
        .Select(assignment => assignment.Split('=', 2)[0])
        .FirstOrDefault(name => s_secrets.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase)));

    /// <summary>True for a name that may leave this machine.</summary>
    public static bool IsAllowed(string name) =>
        (s_names.Any(allowed => string.Equals(allowed, name, s_comparison)) || s_prefixes.Any(prefix => name.StartsWith(prefix, s_comparison)))
        && !s_denied.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
        && !s_secrets.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase));
}
