using System.Diagnostics;

namespace Repr.Core.Tests;

/// <summary>What eng/TemporaryRoot.cs, a part of each test executable, promises.</summary>
public sealed class TemporaryRootTests
{
    [Fact]
    public async Task A_test_executable_leaves_nothing_and_removes_what_killed_ones_left()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere nothing is moved.");
        string parent = Directory.CreateTempSubdirectory("parent-").FullName;
        foreach (string name in (string[])["repr-tmp-killed", "repr-tmp-used", "repr-tmp-begun", "of-others"])
        {
            await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(parent, name)).FullName, "left"), "", TestContext.Current.CancellationToken);
        }

        await File.WriteAllTextAsync(Path.Combine(parent, "repr-tmp-killed/.in-use"), "", TestContext.Current.CancellationToken);
        await using FileStream used = new(Path.Combine(parent, "repr-tmp-used/.in-use"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        ProcessStartInfo start = new(Environment.ProcessPath!, ["-class", typeof(DigestTests).FullName!, "-noColor"]) { RedirectStandardOutput = true };
        start.Environment["TMPDIR"] = parent;
        using Process child = Process.Start(start)!;
        string text = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(child.ExitCode == 0, text);
        Assert.Equal(["of-others", "repr-tmp-begun", "repr-tmp-used"], Directory.GetDirectories(parent).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.StartsWith("repr-tmp-", Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetTempPath())), StringComparison.Ordinal);
    }
}
