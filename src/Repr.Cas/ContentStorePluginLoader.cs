using System.Reflection;
using System.Runtime.Loader;

namespace Repr.Cas;

/// <summary>
/// Loads plugins for content stores. Each gets a load context of its own with the libraries beside it; only Repr.Core is shared, so
/// that the contract's types are the same on both sides.
/// </summary>
public static class ContentStorePluginLoader
{
    /// <summary>Loads the plugin in an assembly.</summary>
    /// <exception cref="ArgumentException">
    /// There is no such assembly, or it has not exactly one public type with a constructor without parameters that is an
    /// <see cref="IContentStorePlugin"/>.
    /// </exception>
    public static IContentStorePlugin Load(string assemblyPath)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(assemblyPath);
        string path = Path.GetFullPath(assemblyPath);
        try
        {
            Assembly assembly = new PluginLoadContext(path).LoadFromAssemblyPath(path);
            Type[] types =
            [
                .. assembly.GetExportedTypes().Where(static type => type.IsAssignableTo(typeof(IContentStorePlugin)) && !type.IsAbstract),
            ];
            return types is [Type type]
                ? (IContentStorePlugin)Activator.CreateInstance(type)!
                : throw new ArgumentException(
                    $"The content store plugin {path} has {types.Length} public types that implement {nameof(IContentStorePlugin)}; "
                    + "it must have one.",
                    nameof(assemblyPath));
        }
        catch (Exception exception) when (exception is IOException or BadImageFormatException or TypeLoadException
            or MissingMethodException or TargetInvocationException or InvalidOperationException)
        {
            throw new ArgumentException(
                $"The content store plugin {path} can't be loaded: {exception.GetBaseException().Message}", nameof(assemblyPath), exception);
        }
    }

    private sealed class PluginLoadContext(string path) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(path))
    {
        private readonly AssemblyDependencyResolver _resolver = new(path);

        protected override Assembly? Load(AssemblyName assemblyName) =>
            string.Equals(assemblyName.Name, typeof(IContentStorePlugin).Assembly.GetName().Name, StringComparison.Ordinal)
                ? null
                : _resolver.ResolveAssemblyToPath(assemblyName) is { } resolved ? LoadFromAssemblyPath(resolved) : null;

        protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
            _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } resolved ? LoadUnmanagedDllFromPath(resolved) : 0;
    }
}
