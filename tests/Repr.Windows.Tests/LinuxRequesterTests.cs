using Repr.Driver.Tests;

namespace Repr.Windows.Tests;

/// <summary>The product's own requester, <c>repr exec</c> on Linux, with a worker for Windows: possible where a directory is called "/C:".</summary>
public sealed class LinuxRequesterTests(WindowsWorker worker) : IClassFixture<WindowsWorker>
{
    [Fact]
    public async Task Repr_exec_runs_a_program_of_Windows_and_has_what_it_made()
    {
        Assert.SkipUnless(Environment.UserName == "root", "A directory '/C:' of a world of its own needs root.");
        string drive = Directory.CreateTempSubdirectory("repr-drive-").FullName;
        Directory.CreateDirectory(Path.Combine(drive, "src", "inc"));
        Directory.CreateDirectory(Path.Combine(drive, "tools"));
        File.Copy(Path.Combine(WindowsBuild.StandIns, "task.exe"), Path.Combine(drive, "tools", "task.exe"));
        foreach ((string name, string content) in new[]
        {
            ("main.c", "#include \"inc\\a.h\"\nint main;\n"), ("inc/a.h", "int a;\n"), ("inc/unused.h", "int unused;\n"), ("log.txt", "first\n"), ("old.obj", "old"),
        })
        {
            await File.WriteAllTextAsync(Path.Combine(drive, "src", name), content, TestContext.Current.CancellationToken);
        }

        string repr = Path.Combine(Repository.Product, "repr");
        Dictionary<string, string> variables = new()
        {
            ["REPR_RUNTIME_DIR"] = Path.Combine(drive, "run"),
            ["REPR_CACHE_DIR"] = Path.Combine(drive, "cache"),
            ["TMP"] = @"C:\Temp",
            ["TEMP"] = @"C:\Temp",
        };
        string[] exec =
        [
            drive, "/bin/sh", "-c",
            $"cd /C:/src && '{repr}' exec --endpoint {worker.Address} --fail --no-stdin --read-root /C: --write-root /C:/src"
            + @" -- /C:/tools/task.exe compile 'C:\src\main.c' 'C:\src\main.obj'; code=$?; " + $"'{repr}' shutdown; exit $code",
        ];
        try
        {
            Ended ended = await ExternalProgram.RunAsync(
                Path.Combine(Repository.Root, "tests", "Repr.Windows.Tests", "with-drive-c.sh"), exec, variables);

            Assert.True(ended.ExitCode == 0, ended.Text + worker.Log);
            Assert.Contains(@"I am C:\tools\task.exe in C:\src", ended.Text, StringComparison.Ordinal);
            Assert.Equal("int a;\nint main;\n", await File.ReadAllTextAsync(Path.Combine(drive, "src", "main.obj"), TestContext.Current.CancellationToken));
            Assert.Equal("first\nsecond\n", await File.ReadAllTextAsync(Path.Combine(drive, "src", "log.txt"), TestContext.Current.CancellationToken));
            Assert.False(File.Exists(Path.Combine(drive, "src", "old.obj")));
        }
        finally
        {
            Directory.Delete(drive, recursive: true);
        }
    }
}
