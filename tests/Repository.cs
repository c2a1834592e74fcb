namespace Repr;

/// <summary>Where things are in the repository that the tests run in. A part of each test executable.</summary>
internal static class Repository
{
    /// <summary>Its directory.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The configuration of these tests, and of what they test.</summary>
    public static string Configuration { get; } = AppContext.BaseDirectory.Contains("/Debug/", StringComparison.Ordinal) ? "Debug" : "Release";

    /// <summary>Where the product is built: repr, repr.dll, plugins.</summary>
    public static string Product { get; } = Path.Combine(Root, "src/Repr.Cli/bin", Configuration, "net10.0");

    /// <summary>The sources of the Windows driver.</summary>
    public static string Driver { get; } = Path.Combine(Root, "driver", "reprflt");

    /// <summary>Whether a program is installed.</summary>
    public static bool Has(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, program)));

    private static string FindRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Repr.Build.sln")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? throw new InvalidOperationException("The tests do not run within the repository.");
    }
}
