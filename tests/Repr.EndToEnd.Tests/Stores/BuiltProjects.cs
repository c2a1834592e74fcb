using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;
using Repr.Testing.SharedStores;

[assembly: AssemblyFixture(typeof(StoreServers))]

namespace Repr.EndToEnd.Tests.Stores;

/// <summary>
/// Projects that were built locally, once for all tests of a class. Each test builds them through workers with a requester of its own.
/// </summary>
public abstract class BuiltProjects(PackedSdk sdk) : IAsyncLifetime
{
    // What is read, and so sent, is exactly what the compilers of the projects need: servers of compilers load things when they get to it.
    private static readonly string[] s_exact = ["--warm-tool-minutes", "0"];

    private readonly List<string> _workers = [];
    private RemoteProject? _projects;
    private string? _requester;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _projects = await BuildAsync(sdk);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await ClearAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>The projects for a requester that knows nothing yet; the one before it is ended, and the disks of its workers are cleared.</summary>
    /// <param name="store">The store in its settings; null: none.</param>
    internal async Task<RemoteProject> NewRequesterAsync(TestStore? store)
    {
        await ClearAsync();
        _requester = sdk.NewDirectory();
        RemoteProject project = _projects!.ForRequester(_requester);
        if (store is not null)
        {
            project.Environment["REPR_CONFIG"] = WriteSettings(_requester, store);
        }

        return project;
    }

    /// <summary>Starts a worker with a disk of its own and this store behind it.</summary>
    internal Task<WorkerProcess> StartWorkerAsync(TestStore store)
    {
        string directory = NewWorkerDirectory();
        return WorkerProcess.StartAsync(directory, ["--config", WriteSettings(directory, store), .. s_exact]);
    }

    /// <summary>Starts a worker without any other store than its own.</summary>
    internal Task<WorkerProcess> StartWorkerAsync() => WorkerProcess.StartAsync(NewWorkerDirectory(), s_exact);

    /// <summary>Writes the settings file of a worker or requester with this store.</summary>
    internal static string WriteSettings(string directory, TestStore store)
    {
        string path = Path.Combine(Directory.CreateDirectory(directory).FullName, "repr.json");
        File.WriteAllText(path, store.Settings);
        return path;
    }

    /// <summary>Makes the projects and builds them locally.</summary>
    private protected abstract Task<RemoteProject> BuildAsync(PackedSdk sdk);

    private string NewWorkerDirectory()
    {
        string directory = sdk.NewDirectory();
        _workers.Add(directory);
        return directory;
    }

    private async Task ClearAsync()
    {
        if (_requester is not null)
        {
            await ProcessTable.EndAsync(_requester);
        }

        // Each has the whole toolchain.
        _workers.ForEach(static directory => Directory.Delete(Path.Combine(directory, "data"), recursive: true));
        _workers.Clear();
    }
}

/// <summary>Two libraries of one class each.</summary>
public sealed class TwoLibraries(PackedSdk sdk) : BuiltProjects(sdk)
{
    /// <summary>Actions of a whole build.</summary>
    public const int Actions = 2;

    private protected override Task<RemoteProject> BuildAsync(PackedSdk sdk) => RemoteProject.CreateAsync(sdk, "Alpha", "Beta");
}

/// <summary>
/// The part of the sample solution below Depot.Model, three compiles that need each other (all of it, if the environment says
/// REPR_TEST_WHOLE_SAMPLE), and an Exec that compiles C. With the property
/// Hold another Exec comes before the last compile: it stops itself, with the property's value in its command line, and when it is
/// continued reads a file that nobody has asked for before.
/// </summary>
public sealed class CutSample(PackedSdk sdk) : BuiltProjects(sdk)
{
    private static readonly bool s_isWhole = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("REPR_TEST_WHOLE_SAMPLE"));

    /// <summary>Actions of a whole build, without that of Hold.</summary>
    public static int Actions => (s_isWhole ? SampleCopy.Compiles : 3) + 1;

    /// <summary>Where the last project is.</summary>
    public string Model { get; private set; } = "";

    /// <summary>What the action that stops itself reads: more than goes through a worker by choice.</summary>
    public string ReadLate => Path.Combine(Model, "late.bin");

    private protected override async Task<RemoteProject> BuildAsync(PackedSdk sdk)
    {
        string directory = SampleCopy.Create(sdk);
        Model = Path.Combine(directory, "src/Depot.Model");
        await File.WriteAllTextAsync(Path.Combine(directory, "Cut.slnx"), """
            <Solution>
              <Project Path="src/Depot.Abstractions/Depot.Abstractions.csproj" />
              <Project Path="src/Größe und Maß/Depot.Units.csproj" />
              <Project Path="src/Depot.Model/Depot.Model.csproj" />
            </Solution>
            """);
        await File.WriteAllTextAsync(Path.Combine(directory, "Directory.Build.targets"), """
            <Project>
              <Target Name="Hold" BeforeTargets="CoreCompile" Condition="'$(Hold)' != '' And '$(MSBuildProjectName)' == 'Depot.Model'">
                <Exec Command="sh hold.sh $(Hold)" ReprRemote="true" />
              </Target>
              <Target Name="Tally" AfterTargets="CoreCompile" Condition="'$(MSBuildProjectName)' == 'Depot.Model'">
                <Exec Command="gcc -O2 -Wall -c tally.c -o obj/tally.o" ReprRemote="true" />
              </Target>
            </Project>
            """);
        await File.WriteAllTextAsync(Path.Combine(Model, "hold.sh"), "kill -STOP $$\nsha256sum late.bin > obj/$1\n");
        await File.WriteAllTextAsync(Path.Combine(Model, "tally.c"), """
            #include <stdio.h>

            int tally(const int *items, int count)
            {
                int sum = 0;
                for (int i = 0; i < count; i++)
                    sum += items[i];
                printf("%d\n", sum);
                return sum;
            }
            """);
        byte[] late = new byte[1_000_000];
        new Random(20261128).NextBytes(late);
        await File.WriteAllBytesAsync(ReadLate, late);

        RemoteProject sample = await RemoteProject.CreateAsync(directory, s_isWhole ? "Depot.slnx" : "Cut.slnx");
        Assert.True(sample.Local.ExitCode == 0, sample.Local.Output);
        return sample;
    }
}
