using System.Reflection;
using System.Runtime.Loader;

namespace Repr.Plugins;

/// <summary>
/// Loads plugins. Each assembly gets a load context of its own with the libraries beside it; only Repr.Core is shared, so that the
/// contract's types are the same on both sides.
/// </summary>
internal static class PluginLoader
{
    /// <summary>Loads the plugin for a kind of service from an assembly.</summary>
    /// <exception cref="ArgumentException">
    /// There is no such assembly, it was built against another contract, or it has not exactly one such plugin; the message says which.
    /// </exception>
    public static LoadedPlugin<TService> Load<TService>(string assemblyPath)
        where TService : class
    {
        string path = Path.GetFullPath(assemblyPath);
        try
        {
            Assembly assembly = new PluginLoadContext(path).LoadFromAssemblyPath(path);
            if (ContractVersion.WhyIncompatible(assembly) is { } why)
            {
                throw new ArgumentException($"{path} {why}");
            }

            (Type Type, Type Options)[] found =
            [
                .. assembly.GetExportedTypes()
                    .Where(static type => !type.IsAbstract)
                    .SelectMany(static type => type.GetInterfaces(), static (type, contract) => (type, contract))
                    .Where(static pair => pair.contract.IsConstructedGenericType
                        && pair.contract.GetGenericTypeDefinition() == typeof(IPlugin<,>)
                        && pair.contract.GenericTypeArguments[0] == typeof(TService))
                    .Select(static pair => (pair.type, pair.contract.GenericTypeArguments[1])),
            ];
            return found is [var (type, options)]
                ? (LoadedPlugin<TService>)Activator.CreateInstance(
                    typeof(LoadedPlugin<,>).MakeGenericType(typeof(TService), options), Activator.CreateInstance(type))!
                : throw new ArgumentException(
                    $"{path} has {found.Length} public types that implement IPlugin<{typeof(TService).Name}, ...>; it must have one.");
        }
        catch (Exception exception) when (exception is IOException or BadImageFormatException or TypeLoadException
            or MissingMethodException or TargetInvocationException or InvalidOperationException)
        {
            throw new ArgumentException($"{path} can't be loaded: {exception.GetBaseException().Message}", exception);
        }
    }

    private sealed class PluginLoadContext(string path) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(path))
    {
        private readonly AssemblyDependencyResolver _resolver = new(path);

        protected override Assembly? Load(AssemblyName assemblyName) =>
            string.Equals(assemblyName.Name, typeof(PluginContext).Assembly.GetName().Name, StringComparison.Ordinal)
                ? null
                : _resolver.ResolveAssemblyToPath(assemblyName) is { } resolved ? LoadFromAssemblyPath(resolved) : null;

        protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
            _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } resolved ? LoadUnmanagedDllFromPath(resolved) : 0;
    }
}
