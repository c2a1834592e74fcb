using Repr.Driver.Tests;

[assembly: AssemblyFixture(typeof(BuiltDriver))]

namespace Repr.Driver.Tests;

/// <summary>The driver and the programs that test it, built once from clean by their scripts; and a fresh Wine to run Windows programs in.</summary>
public sealed class BuiltDriver : IAsyncLifetime
{
    private readonly string _prefix = Directory.CreateTempSubdirectory("repr-wine-").FullName;

    /// <summary>Where reprflt.sys is.</summary>
    public string Output { get; } = Path.Combine(Repository.Root, "artifacts", "driver");

    /// <summary>What build.sh wrote.</summary>
    internal Ended Build { get; private set; } = new(-1, "");

    private Dictionary<string, string> WineEnvironment => new()
    {
        ["WINEPREFIX"] = _prefix,
        ["WINEDEBUG"] = "-all",
    };

    public async ValueTask InitializeAsync()
    {
        if (Directory.Exists(Output))
        {
            Directory.Delete(Output, recursive: true);
        }

        await Task.WhenAll(WineSetUp.CreateAsync(_prefix), BuildAsync());
    }

    private async Task BuildAsync()
    {
        Build = (await ExternalProgram.RunAsync(Path.Combine(Repository.Driver, "build.sh"), [Output])).WithSuccess();
        (await ExternalProgram.RunAsync(Path.Combine(Repository.Driver, "tests", "build.sh"), [Path.Combine(Output, "tests")])).WithSuccess();
    }

    /// <summary>The path of a program that tests/build.sh made.</summary>
    public string Program(string name) => Path.Combine(Output, "tests", name);

    /// <summary>Runs a Windows program.</summary>
    internal Task<Ended> RunWindowsAsync(string program, params (string Name, string Value)[] variables)
    {
        Dictionary<string, string> environment = WineEnvironment;
        foreach ((string name, string value) in variables)
        {
            environment[name] = value;
        }

        return ExternalProgram.RunAsync("wine", [program], environment, Output);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await WineSetUp.EndAsync(_prefix);
        }
        finally
        {
            Directory.Delete(_prefix, recursive: true);
        }
    }
}
