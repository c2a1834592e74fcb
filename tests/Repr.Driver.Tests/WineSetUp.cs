namespace Repr.Driver.Tests;

/// <summary>Makes and ends what is a Windows machine to Wine: a directory.</summary>
internal static class WineSetUp
{
    private const int Attempts = 5;

    /// <summary>
    /// Makes one that says it is Windows 10. Wine's own set-up ends well now and then although it has written no system directory
    /// ("could not load kernel32.dll" is what programs then say): what is there is looked at, and such a machine is made anew.
    /// </summary>
    /// <param name="prefix">Its directory, which is there; what is in it is lost.</param>
    public static async Task CreateAsync(string prefix)
    {
        Dictionary<string, string> variables = new()
        {
            ["WINEPREFIX"] = prefix,
            ["WINEDEBUG"] = "err+all,fixme-all",
            ["WINEDLLOVERRIDES"] = "mscoree,mshtml=", // nothing managed, no browser: it is there sooner
        };
        string said = "";
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            Directory.Delete(prefix, recursive: true);
            Directory.CreateDirectory(prefix);
            Ended boot = await ExternalProgram.RunAsync("wineboot", ["--init"], variables);
            Ended version = await ExternalProgram.RunAsync("wine", ["winecfg", "-v", "win10"], variables);
            if (boot.ExitCode == 0 && version.ExitCode == 0 && File.Exists(Path.Combine(prefix, "drive_c/windows/system32/kernel32.dll")))
            {
                return;
            }

            said += $"wineboot ended with {boot.ExitCode}, winecfg with {version.ExitCode}:\n{boot.Text}{version.Text}\n";
            TestContext.Current.SendDiagnosticMessage("Wine is set up once more: {0}", said);
            await EndAsync(prefix);
        }

        Assert.Fail($"Wine could not be set up in {prefix}:\n{said}");
    }

    /// <summary>Ends all programs of one, and waits until they have ended.</summary>
    /// <param name="prefix">Its directory.</param>
    public static async Task EndAsync(string prefix)
    {
        Dictionary<string, string> variables = new() { ["WINEPREFIX"] = prefix };
        await ExternalProgram.RunAsync("wineserver", ["--kill"], variables); // it takes one option at a time
        await ExternalProgram.RunAsync("wineserver", ["--wait"], variables);
    }
}
