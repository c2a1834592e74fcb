using System.Globalization;
using System.Text.Json.Nodes;
using Repr.Testing.Servers;

namespace Repr.Deployment.Tests;

/// <summary>
/// A container of the image that runc runs: the image's file system read-only, /dev/fuse and nothing else of the machine's devices, a volume for the
/// data, the machine's network, no seccomp profile.
/// </summary>
internal sealed class Container : IAsyncDisposable
{
    private static readonly string[] s_capabilities = // capabilities(7), by their numbers
    [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE",
        "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN",
        "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    ];

    private static int s_last;

    private readonly string _id = string.Create(CultureInfo.InvariantCulture, $"repr-test-{Environment.ProcessId}-{Interlocked.Increment(ref s_last)}");
    private readonly string _bundle;
    private readonly string _state;
    private readonly JsonNode _configuration;

    public Container(WorkerImage image, int user, bool hasMaskedProc)
    {
        _bundle = Directory.CreateDirectory(Path.Combine(image.Directory, _id)).FullName;
        _state = Path.Combine(image.Directory, "runc");
        string data = Directory.CreateDirectory(Path.Combine(_bundle, "data")).FullName;
        File.SetUnixFileMode(data, (UnixFileMode)0x1FF);
        _configuration = JsonNode.Parse(File.ReadAllText(Path.Combine(image.Bundle, "config.json")))!;
        JsonNode process = _configuration["process"]!;
        process["terminal"] = false;
        process["user"] = new JsonObject { ["uid"] = user, ["gid"] = user };
        process["noNewPrivileges"] = user != 0;
        process["capabilities"] = new JsonObject(
            new[] { "bounding", "effective", "inheritable", "permitted", "ambient" }.Select(set => KeyValuePair.Create(set, (JsonNode?)Strings(user == 0 ? Capabilities() : []))));
        _configuration["root"] = new JsonObject { ["path"] = Path.Combine(image.Bundle, "rootfs"), ["readonly"] = true };
        _configuration["hostname"] = "worker";
        JsonArray mounts = _configuration["mounts"]!.AsArray();
        foreach (JsonNode? system in mounts.Where(static mount => mount!["destination"]!.GetValue<string>().StartsWith("/sys", StringComparison.Ordinal)).ToArray())
        {
            mounts.Remove(system);
        }

        mounts.Add(new JsonObject { ["destination"] = "/var/lib/repr", ["type"] = "bind", ["source"] = data, ["options"] = Strings("bind", "rw") });
        mounts.Add(new JsonObject { ["destination"] = "/tmp", ["type"] = "tmpfs", ["source"] = "tmpfs", ["options"] = Strings("mode=1777") });
        _configuration["linux"] = new JsonObject
        {
            ["namespaces"] = new JsonArray([.. new[] { "pid", "ipc", "uts", "mount" }.Select(static type => (JsonNode)new JsonObject { ["type"] = type })]),
            ["devices"] = new JsonArray(new JsonObject { ["path"] = "/dev/fuse", ["type"] = "c", ["major"] = 10, ["minor"] = 229, ["fileMode"] = 0x1B6, ["uid"] = 0, ["gid"] = 0 }),
            ["resources"] = new JsonObject
            {
                ["devices"] = new JsonArray(
                    new JsonObject { ["allow"] = false, ["access"] = "rwm" },
                    new JsonObject { ["allow"] = true, ["type"] = "c", ["major"] = 10, ["minor"] = 229, ["access"] = "rwm" }),
            },
            ["cgroupsPath"] = "/" + _id,
            ["maskedPaths"] = hasMaskedProc ? Strings("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi") : Strings(),
            ["readonlyPaths"] = hasMaskedProc ? Strings("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger") : Strings(),
        };
    }

    /// <summary>Starts the worker, and waits until it says so.</summary>
    /// <exception cref="InvalidOperationException">It has ended; the message has what it said.</exception>
    public async Task<ServerProcess> StartAsync(string listen, string readyText)
    {
        JsonArray arguments = _configuration["process"]!["args"]!.AsArray();
        arguments.Add("--listen");
        arguments.Add(listen);
        await File.WriteAllTextAsync(Path.Combine(_bundle, "config.json"), _configuration.ToJsonString());
        return await ServerProcess.StartAsync(
            "runc", ["--root", _state, "run", "--bundle", _bundle, _id], new Uri(listen).Port, readyText, TestContext.Current.CancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await Product.TryRunAsync("runc", ["--root", _state, "delete", "--force", _id]);

    // As many as there are here: nobody can give more than he has.
    private static string[] Capabilities()
    {
        string line = File.ReadLines("/proc/self/status").Single(static line => line.StartsWith("CapBnd:", StringComparison.Ordinal));
        ulong bounding = ulong.Parse(line.Split('\t')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return [.. s_capabilities.Where((_, number) => (bounding >> number & 1) != 0).Select(static name => "CAP_" + name)];
    }

    private static JsonArray Strings(params string[] values) => new([.. values.Select(static value => (JsonNode)value)]);
}
