namespace Repr.Bench.Tests;

public sealed class CheckoutTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-bench-tests-").FullName;

    [Fact]
    public async Task Only_what_a_build_left_is_compared_and_removed()
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        Checkout checkout = new(_directory);
        Write("bin/tool.sh", "the repository's own");
        checkout.Remember();
        Write("bin/Debug/a.dll", "1");
        Write("bin/Debug/a.cache", "2");

        Outputs outputs = await checkout.ReadAsync(Outputs.IsCompared, cancellationToken);
        checkout.Clean();

        Assert.Equal(1, outputs.Count);
        Assert.True(File.Exists(Path.Combine(_directory, "bin/tool.sh")));
        Assert.False(File.Exists(Path.Combine(_directory, "bin/Debug/a.dll")));
        Assert.False(File.Exists(Path.Combine(_directory, "bin/Debug/a.cache")));
    }

    [Fact]
    public async Task A_file_that_is_missing_too_many_or_different_is_told_and_what_is_left_out_is_not()
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        string[] names = ["a.o", "b.o", "c.o", "d.o"];
        Write("first/a.o", "1");
        Write("first/b.o", "1");
        Write("first/d.o", "1");
        Write("second/b.o", "2");
        Write("second/c.o", "1");
        Write("second/d.o", "other");
        Outputs first = await ReadAsync("first");
        Outputs second = await ReadAsync("second");
        first.LeaveOut(["d.o"]);
        second.LeaveOut(["d.o"]);

        Assert.Equal(["a.o is missing", "b.o has other bytes", "c.o is too many"], second.DifferencesFrom(first));

        Task<Outputs> ReadAsync(string name) => Outputs.ReadAsync(
            Path.Combine(_directory, name), names.Select(file => Path.Combine(_directory, name, file)).Where(File.Exists), cancellationToken);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private void Write(string path, string text)
    {
        string file = Path.Combine(_directory, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
