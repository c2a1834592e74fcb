namespace Repr.EndToEnd.Tests.Sdk;

/// <summary>Projects of a few lines, in a directory of their own, with the SDK in Directory.Build.props.</summary>
internal sealed class SmallProject
{
    /// <summary>Writes the files. Each name is a library with one class.</summary>
    public SmallProject(PackedSdk sdk, params string[] names)
    {
        Directory = sdk.NewDirectory();
        ToolPath = Path.Combine(Directory, "repr.dll");
        UseSdk();
        foreach (string name in names)
        {
            Write($"{name}/{name}.csproj", """
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <TargetFramework>net10.0</TargetFramework>
                    <GenerateDocumentationFile>true</GenerateDocumentationFile>
                    <ErrorLog>obj/log.sarif,version=2.1</ErrorLog>
                  </PropertyGroup>
                </Project>
                """);
            Write($"{name}/{name}.cs", $$"""
                /// <summary>A class.</summary>
                public class {{name}}
                {
                    /// <summary>A method.</summary>
                    public static void Run() { int unused = 1; }
                }
                """);
        }

        Write("Small.slnx", $"<Solution>{string.Concat(names.Select(name => $"<Project Path=\"{name}/{name}.csproj\" />"))}</Solution>");
    }

    /// <summary>Where they are.</summary>
    public string Directory { get; }

    /// <summary>The repr.dll that the tasks are told to use: nothing, unless the test puts a door in front of it.</summary>
    public string ToolPath { get; }

    /// <summary>Where a door is to be opened.</summary>
    public string RuntimeDirectory => Path.Combine(Directory, "run");

    /// <summary>Puts the Sdk element into Directory.Build.props.</summary>
    public void UseSdk() => Write("Directory.Build.props", $"<Project><Sdk Name=\"Repr.Build.Sdk\" Version=\"{PackedSdk.Version}\" /></Project>");

    /// <summary>Takes the Sdk element out.</summary>
    public void UseStock() => Write("Directory.Build.props", "<Project />");

    /// <summary>Writes a file.</summary>
    public void Write(string path, string content)
    {
        string full = Path.Combine(Directory, path);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, content);
    }

    /// <summary>Builds the solution with one node.</summary>
    public Task<BuildRun> BuildAsync(params string[] arguments) => BuildAsync([], arguments);

    /// <summary>Builds the solution with one node and an environment.</summary>
    public Task<BuildRun> BuildAsync(Dictionary<string, string> environment, params string[] arguments) =>
        PackedSdk.RunAsync(Directory, BuildArguments(arguments), environment);

    /// <summary>The arguments of <see cref="BuildAsync(string[])"/>.</summary>
    public string[] BuildArguments(params string[] arguments) => ["build", "-nologo", "-m:1", $"-p:ReprToolPath={ToolPath}", .. arguments];

    /// <summary>Removes what a build left.</summary>
    public void Clean() => CleanOutputs(Directory);

    /// <summary>Removes what builds left below a directory.</summary>
    public static void CleanOutputs(string directory)
    {
        foreach (string output in System.IO.Directory.EnumerateDirectories(directory, "*", SearchOption.AllDirectories)
            .Where(path => Path.GetFileName(path) is "bin" or "obj").ToList())
        {
            System.IO.Directory.Delete(output, recursive: true);
        }
    }

    /// <summary>The compiled files and what the compiler wrote beside them, by path.</summary>
    public Dictionary<string, byte[]> Outputs() => OutputsOf(Directory);

    /// <summary>The compiled files below a directory, and what the compiler wrote beside them, by path.</summary>
    public static Dictionary<string, byte[]> OutputsOf(string directory) =>
        System.IO.Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
            .Where(file => file.Contains("/obj/", StringComparison.Ordinal) || file.Contains("/bin/", StringComparison.Ordinal))
            .Where(file => Path.GetExtension(file) is ".dll" or ".pdb" or ".xml" or ".cs" or ".resources" or ".o") // a .sarif holds run times
            .ToDictionary(file => Path.GetRelativePath(directory, file), File.ReadAllBytes);

    /// <summary>Fails with the names of the files that differ, are missing or are too many.</summary>
    public static void AssertSame(Dictionary<string, byte[]> expected, Dictionary<string, byte[]> actual)
    {
        Assert.NotEmpty(expected);
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        Assert.All(expected, file => Assert.True(file.Value.AsSpan().SequenceEqual(actual[file.Key]), $"{file.Key} differs"));
    }
}
