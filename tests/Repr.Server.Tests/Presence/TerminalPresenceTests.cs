using Microsoft.Extensions.Time.Testing;
using Repr.Server.Presence;

namespace Repr.Server.Tests.Presence;

/// <summary>Terminals' times, and the machine's own files.</summary>
public sealed class TerminalPresenceTests : IDisposable
{
    private readonly string _devices = Directory.CreateTempSubdirectory("repr-devices-").FullName;

    public void Dispose() => Directory.Delete(_devices, recursive: true);

    [Fact]
    public async Task The_terminal_that_was_used_last_counts()
    {
        FakeTimeProvider time = new(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));
        Directory.CreateDirectory(Path.Combine(_devices, "pts"));
        await using TerminalPresence presence = new(_devices, time);
        Assert.Equal(TimeSpan.MaxValue, await presence.LookAsync(TestContext.Current.CancellationToken));

        Touch("tty1", time.GetUtcNow().AddHours(-3));
        Touch("pts/0", time.GetUtcNow().AddMinutes(-10));
        Touch("pts/ptmx", time.GetUtcNow());
        Touch("tty", time.GetUtcNow());

        Assert.Equal(TimeSpan.FromMinutes(10), await presence.LookAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("H: Handlers=mouse0 event3 \n", true)]
    [InlineData("H: Handlers=sysrq kbd event0 leds \nN: Name=\"a mouse1\"\n", false)]
    public void A_mouse_is_known_by_its_handler(string devices, bool has)
    {
        string file = Path.Combine(_devices, "devices");
        File.WriteAllText(file, devices);
        Assert.Equal(has, TerminalPresence.HasMouse(file));
        Assert.False(TerminalPresence.HasMouse(file + ".none"));
    }

    [Fact]
    public void This_machine_says_how_busy_it_is()
    {
        ProcessorUse use = new();
        Assert.Null(use.Look());
        while (use.Look() is null)
        {
            Thread.SpinWait(1000); // until the kernel has counted a tick
        }

        Assert.InRange(use.Processors!.Value, 0, Environment.ProcessorCount * 64);
    }

    [Theory]
    [InlineData("7 (a b) c) S 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0", false)]
    [InlineData("7 (a b) c) S 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 39 19 1 0", true)]
    public void Who_is_niced_is_known(string status, bool isNiced)
    {
        string file = Path.Combine(_devices, "stat");
        File.WriteAllText(file, status);
        Assert.Equal(isNiced, ProcessorUse.IsNiced(file));
    }

    private void Touch(string name, DateTimeOffset used)
    {
        string file = Path.Combine(_devices, name);
        File.WriteAllText(file, "");
        File.SetLastAccessTimeUtc(file, used.UtcDateTime);
    }
}
