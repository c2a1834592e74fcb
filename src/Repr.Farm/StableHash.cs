namespace Repr.Farm;

/// <summary>Hashes that are the same in every process: string's own are not. Pure.</summary>
public static class StableHash
{
    /// <summary>Of text: FNV-1a in 64 bits, mixed.</summary>
    public static ulong Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        ulong hash = 14695981039346656037;
        foreach (char character in text)
        {
            hash = (hash ^ character) * 1099511628211;
        }

        return Mix(hash);
    }

    /// <summary>
    /// Weight of a member for a key in rendezvous hashing (Thaler, Ravishankar 1998): the member with the highest one has the key, and only the
    /// keys of a member that goes get another.
    /// </summary>
    /// <param name="member">A member's hash.</param>
    /// <param name="key">A key, or its hash.</param>
    public static ulong Weigh(ulong member, ulong key) => Mix(member ^ key);

    // The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
