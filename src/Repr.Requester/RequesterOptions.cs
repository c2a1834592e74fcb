using System.Reflection;
using Repr.Requester.Security;

namespace Repr.Requester;

/// <summary>How a requester process runs. Immutable.</summary>
public sealed record RequesterOptions
{
    /// <summary>Path of the door, a Unix domain socket in a directory of this user alone.</summary>
    public required string DoorPath { get; init; }

    /// <summary>Directory of the digest cache, the predictions, the log and the build records.</summary>
    public required string CacheDirectory { get; init; }

    /// <summary>What the settings file names.</summary>
    public RequesterPlugins Plugins { get; init; } = RequesterPlugins.None;

    /// <summary>After this time without a request the process stops.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How long an attempt to open a session may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>After a failed attempt to open a session, no other is made for this time.</summary>
    public TimeSpan OpenCircuit { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>A connection without traffic for this time is probed (HTTP/2 PING, RFC 9113, 6.7).</summary>
    public TimeSpan KeepAliveDelay { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>A probe that is not answered for this time ends the connection.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>An action that has lost more time than this in failures is not tried again.</summary>
    public TimeSpan RetryBudget { get; init; } = TimeSpan.FromSeconds(12);

    /// <summary>How workers are trusted and what is shown to them.</summary>
    public WorkerAccess Access { get; init; } = WorkerAccess.None;

    /// <summary>The version of this product, as in "0.1.0".</summary>
    public static string ProductVersion { get; } =
        typeof(RequesterOptions).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";
}
