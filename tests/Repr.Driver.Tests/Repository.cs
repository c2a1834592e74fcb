namespace Repr.Driver.Tests;

/// <summary>Where things are in the repository that the tests run in.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The driver's sources.</summary>
    public static string Driver { get; } = Path.Combine(Root, "driver", "reprflt");

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
