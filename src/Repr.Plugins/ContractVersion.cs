using System.Reflection;

namespace Repr.Plugins;

/// <summary>
/// The promise of Repr.Core's version (https://semver.org): what was built against a version runs with the same major version, from the
/// same minor version on. Before 1.0 a minor version may break.
/// </summary>
internal static class ContractVersion
{
    private static readonly AssemblyName s_host = typeof(PluginContext).Assembly.GetName();

    /// <summary>Why a plugin can't be used with this host; null when it can.</summary>
    public static string? WhyIncompatible(Assembly plugin)
    {
        Version? built = plugin.GetReferencedAssemblies()
            .FirstOrDefault(static reference => string.Equals(reference.Name, s_host.Name, StringComparison.Ordinal))?.Version;
        return built is null || s_host.Version is not { } host ? null : WhyIncompatible(built, host);
    }

    /// <summary>Why a plugin that was built against one version can't be used with another; null when it can.</summary>
    internal static string? WhyIncompatible(Version built, Version host)
    {
        string text = $"was built against {s_host.Name} {built.ToString(2)}; this Repr has {host.ToString(2)}";
        return built.Major > host.Major || (built.Major == host.Major && built.Minor > host.Minor)
            ? $"{text}: install a newer Repr, or build the plugin against {host.ToString(2)}."
            : built.Major < host.Major || (host.Major == 0 && built.Minor < host.Minor)
                ? $"{text}, whose contract is another: build the plugin against {host.ToString(2)}."
                : null;
    }
}
