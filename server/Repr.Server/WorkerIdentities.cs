using System.Reflection;
using System.Runtime.InteropServices;
using Repr.Server.Sessions;

namespace Repr.Server;

/// <summary>Finds out who this worker is.</summary>
internal static class WorkerIdentities
{
    private const int SuffixLength = 6;

    /// <summary>The identity of the worker with this data directory; its name is made once and kept in the file "worker-id".</summary>
    /// <exception cref="IOException">The data directory can't be read or written.</exception>
    public static async Task<WorkerIdentity> LoadAsync(
        WorkerOptions options, string workspace, bool sharesContent, CancellationToken cancellationToken)
    {
        string file = Path.Combine(options.Data, "worker-id");
        if (!File.Exists(file))
        {
            string name = $"{Environment.MachineName.ToLowerInvariant()}-{Guid.NewGuid().ToString("N")[..SuffixLength]}";
            await File.WriteAllTextAsync(file, name, cancellationToken);
        }

        string version = typeof(WorkerIdentities).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        return new WorkerIdentity(
            (await File.ReadAllTextAsync(file, cancellationToken)).Trim(),
            version.Split('+')[0],
            RuntimeInformation.RuntimeIdentifier,
            workspace,
            options.QueueLimit,
            sharesContent ? ContentGroupOf(new Uri(options.Farm!)) : "");
    }

    // The name of the farm; its store's host may be spelled in several ways.
    private static string ContentGroupOf(Uri farm) => "farm " + farm.AbsolutePath.Trim('/');
}
