using System.Reflection;
using Repr.Driver.Tests;
using Repr.Windows.Tests;

[assembly: AssemblyFixture(typeof(WindowsBuild))]

namespace Repr.Windows.Tests;

/// <summary>What all tests need, built once: the worker as it is published for Windows, the stand-ins, the tools.</summary>
public sealed class WindowsBuild : IAsyncLifetime
{
    private static readonly string s_output = Path.Combine(Repository.Root, "artifacts", "windows");

    /// <summary>The published worker.</summary>
    public static string Worker { get; } = Path.Combine(s_output, "worker");

    /// <summary>fltlib.dll, reprhook.dll, ProjectedFSLib.dll, task.exe.</summary>
    public static string StandIns { get; } = Path.Combine(s_output, "standins");

    /// <summary>Microsoft's rc.exe and the DLLs beside it.</summary>
    public static IReadOnlyList<string> ResourceCompiler { get; } = FindResourceCompiler();

    public async ValueTask InitializeAsync()
    {
        Task<Ended> standIns = ExternalProgram.RunAsync(
            Path.Combine(Repository.Root, "tests", "Repr.Windows.Tests", "StandIns", "build.sh"), [StandIns]);
        // Compiling ahead takes longer than it saves here.
        (await ExternalProgram.RunAsync(
            "dotnet",
            ["publish", "src/Repr.Cli", "-c", "Release", "-r", "win-x64", "--self-contained", "-p:PublishReadyToRun=false", "-v", "quiet", "-o", Worker])).WithSuccess();
        (await standIns).WithSuccess();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static string[] FindResourceCompiler()
    {
        string package = typeof(WindowsBuild).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(static data => data.Key == "BuildTools").Value!;
        string directory = Path.GetDirectoryName(Directory.EnumerateFiles(package, "rc.exe", SearchOption.AllDirectories).Single(static file => file.Contains("/x64/", StringComparison.Ordinal)))!;
        return [.. new[] { "rc.exe", "rcdll.dll", "ServicingCommon.dll" }.Select(name => Path.Combine(directory, name))];
    }
}
