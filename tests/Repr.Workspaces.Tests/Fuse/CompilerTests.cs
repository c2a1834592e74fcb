using System.Diagnostics;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Testing;

namespace Repr.Workspaces.Tests.Fuse;

/// <summary>Real compilers, compared byte by byte with a run outside the workspace.</summary>
[SupportedOSPlatform("linux")]
public sealed class CompilerTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-compile-").FullName;
    private IWorkspaceProvider? _provider;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _provider = await WorkspaceProviders.CreateAsync(
            WorkspaceProviders.Fuse, TimeProvider.System, NullLogger.Instance, Cancellation);
        Assert.SkipWhen(_provider.WhyUnavailable is not null, _provider.WhyUnavailable ?? "");
    }

    public async ValueTask DisposeAsync()
    {
        await _provider!.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Gcc_makes_the_same_object_file()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/gcc"), "gcc is not installed.");
        await File.WriteAllTextAsync(
            _directory + "/hello.c", "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n", Cancellation);

        await CompareAsync("hello", ["/usr/bin/gcc", "-O2", "-g", "-o", "hello", "hello.c"]);
    }

    [Fact]
    public async Task Csc_makes_the_same_assembly()
    {
        await File.WriteAllTextAsync(_directory + "/Hello.cs", "System.Console.WriteLine(\"hello\");\n", Cancellation);
        await File.WriteAllLinesAsync(
            _directory + "/hello.rsp",
            [
                "/nostdlib+", "/deterministic+", "/debug:portable", "/out:hello.dll", "Hello.cs",
                .. Directory.GetFiles(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "System.*.dll")
                    .Where(file => !file.Contains("Native", StringComparison.Ordinal))
                    .Select(file => $"/reference:\"{file}\""),
            ],
            Cancellation);
        string dotnet = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "../../../dotnet"));
        string sdk = Directory.GetDirectories(Path.Combine(Path.GetDirectoryName(dotnet)!, "sdk"), "10.*")
            .Order(StringComparer.Ordinal)
            .Last();

        await CompareAsync(
            "hello.dll", [dotnet, "exec", Path.Combine(sdk, "Roslyn/bincore/csc.dll"), "@hello.rsp"]);
    }

    private async Task CompareAsync(string output, string[] arguments)
    {
        ProcessStartInfo start = new(arguments[0], arguments[1..]) { WorkingDirectory = _directory, RedirectStandardOutput = true };
        string expectedText;
        using (Process native = Process.Start(start)!)
        {
            expectedText = await native.StandardOutput.ReadToEndAsync(Cancellation);
            await native.WaitForExitAsync(Cancellation);
            Assert.Equal(0, native.ExitCode);
        }

        byte[] expected = await File.ReadAllBytesAsync(Path.Combine(_directory, output), Cancellation);
        foreach (string made in Directory.GetFiles(_directory, "hello*").Where(file => Path.GetExtension(file) is not (".c" or ".rsp")))
        {
            File.Delete(made);
        }

        PassThroughFileSource files = new(
            new[] { "/usr", "/bin", "/lib", "/lib64", "/etc/ssl", "/etc/alternatives", _directory, Path.GetDirectoryName(arguments[0])! }
                .Select(VirtualPath.Parse));
        Command command = new()
        {
            Arguments = arguments,
            WorkingDirectory = VirtualPath.Parse(_directory),
            Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin", ["HOME"] = "/tmp" },
            OutputRoots = [VirtualPath.Parse(_directory)],
        };
        CollectedText text = new();
        await using IWorkspace workspace = await _provider!.CreateAsync(
            Directory.CreateTempSubdirectory("repr-staging-").FullName, 0, command, files, Cancellation);

        ToolRun run = await workspace.RunAsync(text, input: null, Cancellation);

        Assert.Equal(expectedText, text.All);
        Assert.Equal(new ToolExit(ExitKind.Code, 0), run.Exit);
        WorkspaceChange change = Assert.Single(workspace.CollectChanges(), change => change.Path.Name == output);
        Assert.Equal(expected, await File.ReadAllBytesAsync(change.LocalPath!, Cancellation));
    }
}
