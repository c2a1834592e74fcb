using System.Collections;
using System.Diagnostics;

namespace Repr.Requester.Door;

/// <summary>Connects to the door, and starts the requester process when nobody serves it. For <c>repr exec</c> where the front is not.</summary>
public static class RequesterStarter
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(20);

    /// <summary>Connects.</summary>
    /// <param name="doorPath">Path of the door.</param>
    /// <param name="program">What to start: it is given "requester --door PATH".</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="IOException">It could not be started, did not answer, or is not this user's.</exception>
    public static async Task<Stream> ConnectAsync(string doorPath, string program, CancellationToken cancellationToken)
    {
        DoorPaths.CreatePrivateDirectory(Path.GetDirectoryName(doorPath)!);
        if (await DoorClient.TryConnectAsync(doorPath, cancellationToken) is { } open)
        {
            return open;
        }

        Start(program, ["requester", "--door", doorPath]);
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < s_timeout;)
        {
            await Task.Delay(s_poll, cancellationToken);
            if (await DoorClient.TryConnectAsync(doorPath, cancellationToken) is { } started)
            {
                return started;
            }
        }

        throw new IOException($"it was started but did not answer at '{doorPath}' within {s_timeout.TotalSeconds:0} s; see requester.log in the cache directory");
    }

    private static void Start(string program, IReadOnlyList<string> arguments)
    {
        Dictionary<string, string> environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(entry => !((string)entry.Key).StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))
            .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? "");
        try
        {
            if (OperatingSystem.IsWindows())
            {
                DetachedProcessNative.Start(program, arguments, Path.GetDirectoryName(program)!, environment);
                return;
            }

            ProcessStartInfo start = new("/bin/sh")
            {
                WorkingDirectory = "/",
                ArgumentList = { "-c", "\"$0\" \"$@\" </dev/null >/dev/null 2>&1 &", program },
            };
            arguments.ToList().ForEach(start.ArgumentList.Add);
            using Process? shell = Process.Start(start);
            shell?.WaitForExit();
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new IOException($"'{program}' could not be started: {exception.Message}", exception);
        }
    }
}
