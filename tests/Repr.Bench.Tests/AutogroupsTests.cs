namespace Repr.Bench.Tests;

public sealed class AutogroupsTests : IDisposable
{
    private readonly string _setting = Path.GetTempFileName();

    [Theory]
    [InlineData("1\n", "0", "1")]
    [InlineData("0\n", "0\n", "0\n")] // somebody else's wish
    public void They_are_off_for_as_long_as_the_bench_runs(string before, string meanwhile, string after)
    {
        File.WriteAllText(_setting, before);
        using (Autogroups.TurnOff(_setting))
        {
            Assert.Equal(meanwhile, File.ReadAllText(_setting));
        }

        Assert.Equal(after, File.ReadAllText(_setting));
    }

    [Fact]
    public void A_kernel_without_them_is_left_alone()
    {
        File.Delete(_setting);
        Autogroups.TurnOff(_setting).Dispose();
        Assert.False(File.Exists(_setting));
    }

    public void Dispose() => File.Delete(_setting);
}
