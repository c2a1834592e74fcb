using System.Diagnostics;
using System.IO.Compression;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;

namespace Repr.EndToEnd.Tests.Sdk;

/// <summary>
/// The tasks of the .NET Framework's MSBuild. That is on Windows only; Mono runs the same assemblies here: they load, start the requester
/// process, speak to its door and compile on a worker.
/// </summary>
public sealed class NetFrameworkTests(PackedSdk sdk)
{
    private static readonly string s_host = Path.Combine(
        Repository.Root, $"tests/Repr.Build.NetFrameworkHost/bin/{Repository.Configuration}/net472/Repr.Build.NetFrameworkHost.exe");

    [Fact]
    public async Task A_task_compiles_on_a_worker_through_a_requester_process_that_it_starts()
    {
        string directory = sdk.NewDirectory();
        string source = Directory.CreateDirectory(Path.Combine(directory, "src")).FullName;
        await File.WriteAllTextAsync(Path.Combine(source, "main.c"), "#include \"a.h\"\nint main(void) { int unused; return A; }\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(source, "a.h"), "#define A 3\n", TestContext.Current.CancellationToken);
        await using WorkerProcess worker = await WorkerProcess.StartAsync(Path.Combine(directory, "worker"));

        BuildRun run = await RunHostAsync(
            directory, "compile", worker.Address, Path.Combine(Repository.Product, "repr.dll"), source, "main.c");
        await ProcessTable.EndAsync(directory);

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Contains("runtime: Mono", run.Output, StringComparison.Ordinal);
        Assert.Contains("CL main.c ran on worker", run.Output, StringComparison.Ordinal);
        Assert.Contains("warning -Wunused-variable", run.Output, StringComparison.Ordinal);
        Assert.True(new FileInfo(Path.Combine(source, "obj/main.o")).Length > 0);
        Assert.Contains("CL main.c: ToolExit", worker.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_tasks_have_the_parameters_of_those_of_the_other_msbuild()
    {
        BuildRun run = await RunHostAsync(Path.GetTempPath(), "parameters");
        HashSet<string> there = [.. run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line.Contains('.', StringComparison.Ordinal))];

        Assert.True(run.ExitCode == 0, run.Output);
        foreach ((string assembly, string task) in new[] { ("Tasks", "ReprPrepare"), ("Tasks", "Exec"), ("Cxx", "CL"), ("Cxx", "Link"), ("Cxx", "Lib") })
        {
            string[] here = [.. PropertiesOf($"sdk/Repr.Build.{assembly}/bin/{Repository.Configuration}/net10.0/Repr.Build.{assembly}.dll", task)];
            Assert.NotEmpty(here);
            Assert.All(here, name => Assert.Contains($"{task}.{name}", there));
        }
    }

    [Fact]
    public async Task The_package_has_the_tasks_of_both_and_chooses_by_the_runtime_of_msbuild()
    {
        await using ZipArchive package = await ZipFile.OpenReadAsync(Path.Combine(sdk.Feed, $"Repr.Build.Sdk.{PackedSdk.Version}.nupkg"), TestContext.Current.CancellationToken);
        HashSet<string> files = [.. package.Entries.Select(entry => entry.FullName)];
        using StreamReader targets = new(await package.GetEntry("Sdk/Sdk.targets")!.OpenAsync(TestContext.Current.CancellationToken));
        string text = await targets.ReadToEndAsync(TestContext.Current.CancellationToken);

        string ahead = $"net10.0/linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        foreach (string framework in new[] { "net10.0", ahead, "net472" })
        {
            foreach (string assembly in new[] { "Repr.Build.Tasks", "Repr.Build.Cxx", "Google.Protobuf" })
            {
                Assert.Contains($"tasks/{framework}/{assembly}.dll", files);
            }
        }

        // Not beside Repr.Build.Tasks.dll, where one load context would not share it with the other.
        Assert.Contains("tasks/net10.0/compilers/Repr.Build.Roslyn.dll", files);
        Assert.Contains($"tasks/{ahead}/compilers/Repr.Build.Roslyn.dll", files);
        Assert.Contains("tasks/net472/Repr.Build.Roslyn.dll", files);

        Assert.Contains("tasks/net472/System.Memory.dll", files);
        // What MSBuild and Visual Studio have themselves would be loaded twice.
        Assert.DoesNotContain(files, file => file.StartsWith("tasks/", StringComparison.Ordinal) && Path.GetFileName(file).StartsWith("Microsoft.", StringComparison.Ordinal));
        Assert.Contains("<_ReprTasksFramework Condition=\"'$(MSBuildRuntimeType)' == 'Core'\">net10.0</_ReprTasksFramework>", text, StringComparison.Ordinal);
    }

    // Read, not loaded: what they derive from is not beside them.
    private static IEnumerable<string> PropertiesOf(string assembly, string task)
    {
        using PEReader image = new(File.OpenRead(Path.Combine(Repository.Root, assembly)));
        MetadataReader reader = image.GetMetadataReader();
        TypeDefinition type = reader.TypeDefinitions.Select(reader.GetTypeDefinition).Single(type => reader.GetString(type.Name) == task);
        foreach (PropertyDefinition property in type.GetProperties().Select(reader.GetPropertyDefinition))
        {
            MethodDefinitionHandle getter = property.GetAccessors().Getter;
            if (!getter.IsNil && (reader.GetMethodDefinition(getter).Attributes & MethodAttributes.MemberAccessMask) == MethodAttributes.Public)
            {
                yield return reader.GetString(property.Name);
            }
        }
    }

    private static async Task<BuildRun> RunHostAsync(string directory, params string[] arguments)
    {
        ProcessStartInfo start = new("mono", [s_host, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["REPR_RUNTIME_DIR"] = Path.Combine(directory, "run");
        start.Environment["REPR_CACHE_DIR"] = Path.Combine(directory, "cache");
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new BuildRun(process.ExitCode, output + await error);
    }
}
