using System.Diagnostics;
using System.Text;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Remote;

/// <summary>The worker's compiler servers: fewer processes, the same bytes, and nothing of an earlier compile in a later one.</summary>
public sealed class WarmCompilerTests(PackedSdk sdk)
{
    private const string Started = "A server of roslyn was started";
    private const string Fault = "did not serve";

    [Fact]
    public async Task One_server_serves_all_compiles()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha", "Beta", "Gamma");
        await using WorkerProcess worker = await project.StartWorkerAsync("--slots", "1");

        RemoteBuild first = await project.BuildRemotelyAsync(worker);
        RemoteBuild second = await project.BuildRemotelyAsync(worker);

        first.AssertIdentical();
        second.AssertIdentical();
        Assert.Equal((3, 3), (first.Remote, second.Remote));
        Assert.InRange(second.AskedBack, 0, 30); // each compile has some 170 references that the server remembers and does not open
        Assert.Equal(project.Local.Diagnostics.Order(StringComparer.Ordinal), second.Run.Diagnostics.Order(StringComparer.Ordinal));
        Assert.Equal((1, 0), (CountOf(worker.Log, Started), CountOf(worker.Log, Fault)));
    }

    [Fact]
    public async Task Without_servers_each_compile_has_a_process_of_its_own()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha");
        await using WorkerProcess worker = await project.StartWorkerAsync("--warm-tool-minutes", "0");

        RemoteBuild build = await project.BuildRemotelyAsync(worker);

        build.AssertIdentical();
        Assert.Equal((1, 0), (build.Remote, CountOf(worker.Log, Started)));
    }

    [Fact]
    public async Task A_server_that_was_killed_costs_a_compile_a_process()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha", "Beta");
        await using WorkerProcess worker = await project.StartWorkerAsync("--slots", "1");
        (await project.BuildRemotelyAsync(worker)).AssertIdentical();
        foreach (int server in ProcessTable.Find("-pipename:repr-resident").Where(id => IsWithin(id, worker.ProcessId)))
        {
            Process.GetProcessById(server).Kill();
        }

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-p:ReprCache=off");

        build.AssertIdentical();
        Assert.Equal(2, build.Remote);
        Assert.Equal(2, CountOf(worker.Log, Started));
    }

    [Fact]
    public async Task A_compile_error_is_no_fault_of_the_server()
    {
        SmallProject project = new(sdk, "Alpha");
        RemoteProject remote = await RemoteProject.CreateAsync(project.Directory, "Small.slnx");
        await using WorkerProcess worker = await remote.StartWorkerAsync("--slots", "1");
        string source = await File.ReadAllTextAsync(project.Directory + "/Alpha/Alpha.cs", Cancellation);
        project.Write("Alpha/Alpha.cs", source + "class Wrong { int x = \"no\"; }\n");

        RemoteBuild wrong = await remote.BuildRemotelyAsync(worker);
        project.Write("Alpha/Alpha.cs", source);
        RemoteBuild right = await remote.BuildRemotelyAsync(worker);

        Assert.Equal(1, wrong.Run.ExitCode);
        Assert.Equal(1, wrong.Run.CountOf("error CS0029"));
        right.AssertIdentical();
        Assert.Equal((1, 0), (CountOf(worker.Log, Started), CountOf(worker.Log, Fault)));
    }

    [Fact]
    public async Task A_reference_with_the_same_time_and_size_but_other_content_is_read_again()
    {
        SmallProject project = new(sdk, "Lib");
        project.Write("Use/Use.csproj", """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
              <ItemGroup><Reference Include="Lib" HintPath="$(MSBuildThisFileDirectory)../given/Lib.dll" /></ItemGroup>
            </Project>
            """);
        project.Write("Use/Use.cs", "public class Use { public const string Text = Lib.Text; }\n");
        string given = Path.Combine(project.Directory, "given", "Lib.dll");
        DateTime time = new(2024, 5, 6, 7, 8, 9, DateTimeKind.Utc);
        byte[][] libraries = [await MakeLibraryAsync(project, "first"), await MakeLibraryAsync(project, "other")];
        Assert.Equal(libraries[0].Length, libraries[1].Length);
        project.Write("Small.slnx", "<Solution><Project Path=\"Use/Use.csproj\" /></Solution>");
        await PlaceAsync(libraries[0]);
        RemoteProject remote = await RemoteProject.CreateAsync(project.Directory, "Small.slnx");
        await using WorkerProcess worker = await remote.StartWorkerAsync("--slots", "1");
        (await remote.BuildRemotelyAsync(worker)).AssertIdentical();

        await PlaceAsync(libraries[1]);
        RemoteBuild build = await remote.BuildRemotelyAsync(worker);

        Assert.Equal((0, 1), (build.Run.ExitCode, build.Remote));
        Assert.True(Contains(build.Outputs["Use/bin/Debug/net10.0/Use.dll"], "other"), "compiled against the first library");
        Assert.Equal((1, 0), (CountOf(worker.Log, Started), CountOf(worker.Log, Fault)));

        async Task PlaceAsync(byte[] library)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(given)!);
            await File.WriteAllBytesAsync(given, library, Cancellation);
            File.SetLastWriteTimeUtc(given, time);
        }
    }

    [Fact]
    public async Task A_generator_that_changed_is_loaded_anew()
    {
        SmallProject project = new(sdk, "Use");
        project.Write("Use/Use.csproj", """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
              <ItemGroup><ProjectReference Include="../Gen/Gen.csproj" OutputItemType="Analyzer" ReferenceOutputAssembly="false" /></ItemGroup>
            </Project>
            """);
        project.Write("Gen/Gen.csproj", """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><TargetFramework>net10.0</TargetFramework><NoWarn>$(NoWarn);RS1041;RS2008</NoWarn></PropertyGroup>
              <ItemGroup><Reference Include="$(RoslynTargetsPath)/bincore/Microsoft.CodeAnalysis.dll" Private="false" /></ItemGroup>
            </Project>
            """);
        WriteGenerator("first-answer");
        project.Write("Small.slnx", "<Solution><Project Path=\"Use/Use.csproj\" /><Project Path=\"Gen/Gen.csproj\" /></Solution>");
        RemoteProject remote = await RemoteProject.CreateAsync(project.Directory, "Small.slnx");
        await using WorkerProcess worker = await remote.StartWorkerAsync("--slots", "1");
        (await remote.BuildRemotelyAsync(worker)).AssertIdentical();
        (await remote.BuildRemotelyAsync(worker)).AssertIdentical();
        Assert.Equal(1, CountOf(worker.Log, Started));

        WriteGenerator("later-answer");
        RemoteBuild build = await remote.BuildRemotelyAsync(worker);

        Assert.Equal((0, 2), (build.Run.ExitCode, build.Remote));
        Assert.True(Contains(build.Outputs["Use/bin/Debug/net10.0/Use.dll"], "later-answer"), "the generator's old code ran");
        Assert.Equal((2, 0), (CountOf(worker.Log, Started), CountOf(worker.Log, Fault)));

        void WriteGenerator(string answer) => project.Write("Gen/Gen.cs", $$"""
            using Microsoft.CodeAnalysis;
            [Generator]
            public sealed class Gen : IIncrementalGenerator
            {
                public void Initialize(IncrementalGeneratorInitializationContext context) => context.RegisterPostInitializationOutput(
                    output => output.AddSource("Answer.g.cs", "public static class Answer { public const string Text = \"{{answer}}\"; }"));
            }
            """);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static int CountOf(string log, string text) => log.Split(text).Length - 1;

    private static bool Contains(byte[] assembly, string text) =>
        assembly.AsSpan().IndexOf(Encoding.Unicode.GetBytes(text)) >= 0 || assembly.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;

    private static bool IsWithin(int process, int ancestor)
    {
        for (int id = process; id > 1;)
        {
            if (id == ancestor)
            {
                return true;
            }

            string stat = File.ReadAllText($"/proc/{id}/stat");
            id = int.Parse(stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture);
        }

        return false;
    }

    private static async Task<byte[]> MakeLibraryAsync(SmallProject project, string text)
    {
        project.Write("Lib/Lib.cs", $"/// <summary>A class.</summary>\npublic class Lib {{ /// <summary>Text.</summary>\npublic const string Text = \"{text}\"; }}\n");
        project.Clean();
        BuildRun run = await PackedSdk.RunAsync(project.Directory, ["build", "Lib/Lib.csproj", "-nologo"], []);
        Assert.True(run.ExitCode == 0, run.Output);
        byte[] library = await File.ReadAllBytesAsync(Path.Combine(project.Directory, "Lib/bin/Debug/net10.0/Lib.dll"), Cancellation);
        project.Clean();
        return library;
    }
}
