using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Remote;

/// <summary>Copies of the sample solution.</summary>
internal static class SampleCopy
{
    /// <summary>Its compiles: fifteen projects, one of them twice, and a satellite assembly.</summary>
    public const int Compiles = 17;

    /// <summary>Copies it into a directory of its own, without what builds have left in it.</summary>
    public static string Create(PackedSdk sdk)
    {
        string directory = sdk.NewDirectory();
        string assets = Path.Combine(Repository.Root, "tests/assets/SampleSolution");
        foreach (string file in Directory.EnumerateFiles(assets, "*", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal)))
        {
            string copy = Path.Combine(directory, Path.GetRelativePath(assets, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        return directory;
    }
}
