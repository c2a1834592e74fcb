namespace Depot.Shared;

internal static class Checksums
{
    public static uint Fletcher(ReadOnlySpan<byte> data)
    {
        uint low = 1;
        uint high = 0;
        foreach (byte value in data)
        {
            low = (low + value) % 65521;
            high = (high + low) % 65521;
        }

        return (high << 16) | low;
    }
}
