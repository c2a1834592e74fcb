using System.Net;
using Repr.Server.Presence;
using Repr.Workspaces;
using Repr.Workspaces.Windows;

namespace Repr.Server;

/// <summary>Settings of a worker. Validated by <see cref="FindProblems"/> before anything is started.</summary>
public sealed record WorkerOptions
{
    /// <summary>Where to listen, as in "http://127.0.0.1:7070"; port 0 takes a free one.</summary>
    public string Listen { get; init; } = "http://127.0.0.1:7070";

    /// <summary>Directory for the content store, staging and the worker's identity. Made if it does not exist.</summary>
    public string Data { get; init; } = DefaultData;

    /// <summary>File into which the worker writes its actual address when it is ready; null: none.</summary>
    public string? PortFile { get; init; }

    /// <summary>Actions that run at the same time.</summary>
    public int Slots { get; init; } = Math.Max(1, Environment.ProcessorCount);

    /// <summary>Actions of one requester that may wait beyond the slots.</summary>
    public int QueueLimit { get; init; } = 1000;

    /// <summary>Upper bound of the content store in bytes.</summary>
    public long MaximumStoreBytes { get; init; } = 20L << 30;

    /// <summary>Upper bound of the action cache of the Remote Execution API in bytes.</summary>
    public long MaximumActionCacheBytes { get; init; } = 1L << 30;

    /// <summary>"fuse" or "copying"; on Windows "projfs".</summary>
    public string Workspace { get; init; } = WorkspaceProviders.Names[0];

    /// <summary>Windows: each slot's tools run as a local user of the slot's own.</summary>
    public bool SlotUsers { get; init; }

    /// <summary>Windows: memory that the processes of one action may commit, in bytes; 0: no bound.</summary>
    public long ActionMemoryBytes { get; init; }

    /// <summary>Windows: processes of one action that may live at the same time.</summary>
    public int ActionProcesses { get; init; } = new WindowsWorkspaceOptions().ActionProcesses;

    /// <summary>Minutes after which a compiler's server that nobody used is ended; 0: every compile gets a process of its own.</summary>
    public int WarmToolMinutes { get; init; } = 10;

    /// <summary>Memory in bytes beyond which a compiler's server is ended after an action.</summary>
    public long WarmToolBytes { get; init; } = 2L << 30;

    /// <summary>The settings file (JSON) that names plugins and their options; null: none.</summary>
    public string? Configuration { get; init; }

    /// <summary>Runs actions of the Remote Execution API v2 too, which see files of this machine.</summary>
    public bool ReapiExecution { get; init; }

    /// <summary>What those actions see of this machine, read-only: absolute paths. Empty: the usual directories of programs and libraries.</summary>
    public IReadOnlyList<string> ReapiSystemPaths { get; init; } = [];

    /// <summary>Platform properties that those actions may ask for, NAME=VALUE, beyond those of the machine.</summary>
    public IReadOnlyList<string> ReapiPlatform { get; init; } = [];

    /// <summary>
    /// Who schedules: null: nobody, actions wait here; "local": a pool in this process; else where the workers of a farm find each other, as in
    /// "redis://10.0.0.1:6379".
    /// </summary>
    public string? Farm { get; init; }

    /// <summary>Where requesters of the farm reach this worker, as in "https://build7.example.com:7070"; null: where it listens.</summary>
    public string? FarmAdvertise { get; init; }

    /// <summary>Address and port for the other workers of the farm; null: the address of <see cref="Listen"/> and a free port.</summary>
    public string? FarmListen { get; init; }

    /// <summary>Seconds for which a worker of a farm that is asked to stop lets its actions end.</summary>
    public int FarmDrainSeconds { get; init; } = 60;

    /// <summary>Windows: warnings and errors go into the event log too.</summary>
    public bool LogsEvents { get; init; }

    /// <summary>Where the health service is served alone and unencrypted, as in "http://0.0.0.0:7072"; null: only where all the others are.</summary>
    public string? HealthListen { get; init; }

    /// <summary>Takes actions only while nobody needs this machine.</summary>
    public bool OnlyWhenIdle { get; init; }

    /// <summary>Seconds for which its user must have been away, or its load low.</summary>
    public int IdleSeconds { get; init; } = 300;

    /// <summary>Processors below which other programs' use is a low load; 0: only the user's absence counts.</summary>
    public double IdleLoad { get; init; }

    /// <summary>Listens beyond loopback although nobody is authenticated, with encryption or without.</summary>
    public bool DangerouslyAllowAnyone { get; init; }

    /// <summary>Listens beyond loopback with authentication but without encryption: something in front of the worker ends TLS.</summary>
    public bool DangerouslyAllowCleartext { get; init; }

    /// <summary>The value of <see cref="Farm"/> for a pool in this process.</summary>
    public const string LocalFarm = "local";

    /// <summary>The data directory when none is given: <c>$XDG_DATA_HOME/repr</c>, else <c>~/.local/share/repr</c>.</summary>
    public static string DefaultData =>
        Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "repr");

    /// <summary>All that is wrong with these settings, one sentence each, naming the setting.</summary>
    /// <param name="hasCertificate">Whether the settings file has a certificate for TLS.</param>
    /// <param name="isAuthenticating">Whether the settings file has authenticators.</param>
    public IReadOnlyList<string> FindProblems(bool hasCertificate, bool isAuthenticating)
    {
        List<string> problems = [];
        if (!Uri.TryCreate(Listen, UriKind.Absolute, out Uri? listen) || listen.Scheme is not ("http" or "https") || listen.PathAndQuery != "/")
        {
            problems.Add($"--listen: '{Listen}' is not an address like http://127.0.0.1:7070 or https://0.0.0.0:7070.");
        }
        else if (!IPAddress.TryParse(listen.Host.Trim('[', ']'), out IPAddress? address))
        {
            problems.Add($"--listen: '{listen.Host}' is not an IP address; use 127.0.0.1, or 0.0.0.0 for all.");
        }
        else if (listen.Scheme == Uri.UriSchemeHttps != hasCertificate)
        {
            problems.Add(
                hasCertificate
                    ? $"--listen: '{Listen}' is not encrypted although Tls:CertificateFile is set; say https."
                    : $"--listen: '{Listen}' needs a certificate; set Tls:CertificateFile in the settings file.");
        }
        else if (!IPAddress.IsLoopback(address) && FindExposure(hasCertificate, isAuthenticating) is { } exposure)
        {
            problems.Add($"--listen: {address} can be reached by others, and {exposure}");
        }

        if (!ReapiExecution && ReapiSystemPaths.Count + ReapiPlatform.Count > 0)
        {
            problems.Add("--reapi-system-path and --reapi-platform are for --reapi-execution, which is not given.");
        }

        problems.AddRange(FindSystemProblems());
        problems.AddRange(FindFarmProblems(listen));
        if (Slots < 1)
        {
            problems.Add($"--slots: {Slots} is too few; at least 1.");
        }

        if (QueueLimit < 0)
        {
            problems.Add($"--queue-limit: {QueueLimit} is negative.");
        }

        if (WarmToolMinutes is < 0 or > 10_000)
        {
            problems.Add($"--warm-tool-minutes: {WarmToolMinutes} is not a number of minutes; 0 to 10000.");
        }

        if (WarmToolBytes < 64 << 20)
        {
            problems.Add($"--warm-tool-bytes: {WarmToolBytes} is too few; at least 67108864.");
        }

        if (HealthListen is { } health
            && !(Uri.TryCreate(health, UriKind.Absolute, out Uri? place) && place is { Scheme: "http", PathAndQuery: "/" } && IPAddress.TryParse(place.Host.Trim('[', ']'), out _)))
        {
            problems.Add($"--health-listen: '{health}' is not an address like http://0.0.0.0:7072.");
        }

        if (IdleSeconds is < 0 or > 86400)
        {
            problems.Add($"--idle-seconds: {IdleSeconds} is not a number of seconds; 0 to 86400.");
        }

        if (IdleLoad is not (>= 0 and < 10_000))
        {
            problems.Add($"--idle-load: {IdleLoad} is not a number of processors; 0 or more.");
        }
        else if (IdleLoad > 0 && OperatingSystem.IsWindows())
        {
            problems.Add("--idle-load: Windows does not tell a worker's own use of the processors from others'; leave it out.");
        }
        else if (IdleLoad > 0 && OnlyWhenIdle && !ProcessorUse.IsNiced())
        {
            problems.Add("--idle-load: this worker must be niced, else its own work counts as others'; start it by 'nice -n 19', or with Nice=19 in the unit.");
        }

        if (MaximumStoreBytes < 1 << 20)
        {
            problems.Add($"--max-store-bytes: {MaximumStoreBytes} is too few; at least 1048576.");
        }

        if (MaximumActionCacheBytes < 1 << 20)
        {
            problems.Add($"--max-action-cache-bytes: {MaximumActionCacheBytes} is too few; at least 1048576.");
        }

        return problems;
    }

    /// <summary>What workspaces on Windows are told.</summary>
    internal WindowsWorkspaceOptions ForWindows(string staging) => new()
    {
        StagingRoot = staging,
        SlotUsers = SlotUsers ? Slots : 0,
        ActionMemoryBytes = ActionMemoryBytes,
        ActionProcesses = ActionProcesses,
    };

    private IEnumerable<string> FindSystemProblems()
    {
        if (OperatingSystem.IsWindows() && IsInWindows(Data))
        {
            yield return $"--data: '{Data}' is in the directory of Windows, which tools see as it is; give the worker another one.";
        }

        if (OperatingSystem.IsWindows() && ReapiExecution)
        {
            yield return "--reapi-execution: actions of the Remote Execution API need a worker on Linux.";
        }

        if (!OperatingSystem.IsWindows() && (SlotUsers || ActionMemoryBytes != 0 || ActionProcesses != new WorkerOptions().ActionProcesses))
        {
            yield return "--slot-users, --action-memory-bytes and --action-processes are for a worker on Windows.";
        }

        if (ActionMemoryBytes is < 0 or (> 0 and < 16 << 20))
        {
            yield return $"--action-memory-bytes: {ActionMemoryBytes} is too few; at least 16777216, or 0 for no bound.";
        }

        if (ActionProcesses < 2)
        {
            yield return $"--action-processes: {ActionProcesses} is too few; at least 2, the starter and the tool.";
        }
    }

    private static bool IsInWindows(string data) => Path.GetFullPath(data, Environment.CurrentDirectory)
        .StartsWith(Environment.GetFolderPath(Environment.SpecialFolder.Windows) + Path.DirectorySeparatorChar, StringComparison.OrdinalIgnoreCase);

    private IEnumerable<string> FindFarmProblems(Uri? listen)
    {
        if (Farm is null)
        {
            if (FarmAdvertise is not null || FarmListen is not null)
            {
                yield return "--farm-advertise and --farm-listen are for --farm, which is not given.";
            }

            yield break;
        }

        if (Farm != LocalFarm && !(Uri.TryCreate(Farm, UriKind.Absolute, out Uri? store) && store.Scheme is "redis" or "rediss" && store.Host.Length > 0))
        {
            yield return $"--farm: '{Farm}' is neither 'local' nor an address like redis://10.0.0.1:6379.";
        }

        if (FarmAdvertise is { } advertised
            && !(Uri.TryCreate(advertised, UriKind.Absolute, out Uri? address) && address is { Scheme: "http" or "https", AbsolutePath: "/", Query: "" }))
        {
            yield return $"--farm-advertise: '{advertised}' is not an address like http://build7.example.com:7070.";
        }

        if (FarmListen is { } silo && !IPEndPoint.TryParse(silo, out _))
        {
            yield return $"--farm-listen: '{silo}' is not an IP address and a port like 10.0.0.7:7071.";
        }

        if (listen is not null && IPAddress.TryParse(listen.Host.Trim('[', ']'), out IPAddress? any) && (any.Equals(IPAddress.Any) || any.Equals(IPAddress.IPv6Any)))
        {
            if (FarmAdvertise is null)
            {
                yield return $"--farm: nobody can connect to {any}; say with --farm-advertise where requesters reach this worker.";
            }

            if (FarmListen is null && Farm != LocalFarm)
            {
                yield return $"--farm: nobody can connect to {any}; say with --farm-listen where the other workers reach this one.";
            }
        }

        if (FarmDrainSeconds is < 0 or > 86400)
        {
            yield return $"--farm-drain-seconds: {FarmDrainSeconds} is not a number of seconds; 0 to 86400.";
        }
    }

    private string? FindExposure(bool hasCertificate, bool isAuthenticating) => (hasCertificate, isAuthenticating) switch
    {
        (_, false) when !DangerouslyAllowAnyone =>
            "this worker runs any command for anyone who connects. Listen on 127.0.0.1, set Tls and Authentication in the settings file, "
            + "or pass --dangerously-allow-anyone in a network that you trust.",
        (false, true) when !DangerouslyAllowCleartext =>
            "tokens and sources would travel unencrypted. Listen on 127.0.0.1, set Tls in the settings file, "
            + "or pass --dangerously-allow-cleartext if something in front of this worker ends TLS.",
        _ => null,
    };
}
