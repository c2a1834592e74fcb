using System.Diagnostics;
using Repr.Driver.Tests;

namespace Repr.Windows.Tests;

/// <summary>A Wine of its own: a fresh machine for one fixture, gone with it.</summary>
public sealed class WinePrefix : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-wine-").FullName;

    private WinePrefix()
    {
    }

    /// <summary>What is C:\ there.</summary>
    public string DriveC => Path.Combine(_directory, "drive_c");

    /// <summary>The variables by which programs use it.</summary>
    internal Dictionary<string, string> Variables => new()
    {
        ["WINEPREFIX"] = _directory,
        ["WINEDEBUG"] = "-all",
        ["WINEDLLOVERRIDES"] = "mshtml=;fltlib=n,b",
        ["DOTNET_EnableWriteXorExecute"] = "0", // Wine and .NET do not agree on it
    };

    /// <summary>Makes one with the published worker in C:\repr.</summary>
    /// <param name="standIns">Whether the stand-ins for driver and projected file system are installed.</param>
    public static async Task<WinePrefix> CreateAsync(bool standIns)
    {
        WinePrefix prefix = new();
        await WineSetUp.CreateAsync(prefix._directory);
        File.CreateSymbolicLink(Path.Combine(prefix.DriveC, "repr"), WindowsBuild.Worker);
        foreach (string dll in standIns ? Directory.GetFiles(WindowsBuild.StandIns, "*.dll") : [])
        {
            string installed = Path.Combine(prefix.DriveC, "windows", "system32", Path.GetFileName(dll));
            File.Delete(installed); // may be a link to Wine's own
            File.Copy(dll, installed);
        }

        return prefix;
    }

    /// <summary>The path on Linux of a path on its C:.</summary>
    public string Local(string path) => Path.Combine([DriveC, .. path[3..].Split('\\')]);

    /// <summary>Starts a program of Windows; the caller disposes it.</summary>
    public Process Start(string program, IEnumerable<string> arguments, params (string Name, string Value)[] variables)
    {
        ProcessStartInfo start = new("wine", [program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = DriveC,
        };
        foreach ((string name, string value) in Variables.Select(static pair => (pair.Key, pair.Value)).Concat(variables))
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    /// <summary>Runs a program of Windows to its end.</summary>
    internal async Task<Ended> RunAsync(string program, string[] arguments, string? directory = null, params (string Name, string Value)[] variables)
    {
        Dictionary<string, string> all = Variables;
        foreach ((string name, string value) in variables)
        {
            all[name] = value;
        }

        // Into a file: in Wine, unlike on Windows, a detached process or a service keeps the standard streams, and would hold our pipe.
        string text = Path.GetTempFileName();
        try
        {
            Ended ended = await ExternalProgram.RunAsync(
                "sh", ["-c", "exec wine \"$@\" >\"$0\" 2>&1 </dev/null", text, program, .. arguments], all, directory ?? DriveC);
            return ended with { Text = await File.ReadAllTextAsync(text, TestContext.Current.CancellationToken) };
        }
        finally
        {
            File.Delete(text);
        }
    }

    /// <summary>Command lines of all its processes that have this text in them.</summary>
    public IReadOnlyList<string> ProcessesWith(string text)
    {
        List<string> found = [];
        foreach (string directory in Directory.EnumerateDirectories("/proc").Where(static path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            try
            {
                string line = File.ReadAllText(Path.Combine(directory, "cmdline")).Replace('\0', ' ');
                if (line.Contains(text, StringComparison.OrdinalIgnoreCase)
                    && File.ReadAllText(Path.Combine(directory, "environ")).Contains(_directory, StringComparison.Ordinal))
                {
                    found.Add(line);
                }
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It has ended.
            }
        }

        return found;
    }

    /// <summary>No process has this text in its command line any more. Wine has ended a process a little before Linux has.</summary>
    public async Task AssertGoneAsync(string text)
    {
        for (int waited = 0; waited < 300 && ProcessesWith(text).Count > 0; waited++)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.Empty(ProcessesWith(text));
    }

    public async ValueTask DisposeAsync()
    {
        await WineSetUp.EndAsync(_directory);
        Directory.Delete(_directory, recursive: true);
    }
}
