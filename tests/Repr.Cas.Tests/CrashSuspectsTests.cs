namespace Repr.Cas.Tests;

public sealed class CrashSuspectsTests
{
    private static readonly DateTime Now = new(2030, 1, 1, 12, 0, 0, DateTimeKind.Utc);

    [Fact]
    public void Blobs_of_the_last_minute_before_the_last_known_use_are_suspect()
    {
        Assert.Equal([1, 2], Suspects(Now.AddHours(-2).AddSeconds(-61), Now.AddHours(-2).AddSeconds(-60), Now.AddHours(-2)));
    }

    [Fact]
    public void A_time_in_the_future_does_not_make_the_others_trusted()
    {
        Assert.Equal([1, 2], Suspects(Now.AddHours(-2), Now.AddHours(-1), Now.AddYears(1)));
    }

    [Fact]
    public void When_all_times_are_in_the_future_all_are_suspect()
    {
        Assert.Equal([0, 1], Suspects(Now.AddDays(1), Now.AddYears(1)));
    }

    private static int[] Suspects(params DateTime[] lastUses)
    {
        (Digest Digest, DateTime LastUse)[] blobs = [.. lastUses.Select((lastUse, i) => (Digest.Compute([(byte)i]), lastUse))];
        return [.. CrashSuspects.Among(blobs, Now).Select(digest => Array.FindIndex(blobs, blob => blob.Digest == digest))];
    }
}
