using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Repr.Farm;

/// <summary>
/// The mark on a lease by which a worker knows that a pool of its farm granted it: HMAC-SHA-256 (RFC 2104) under the farm's key of all that
/// decides where the action runs and who pays. Requesters do not have the key. Pure.
/// </summary>
public static class LeaseSeal
{
    /// <summary>The lease with its mark.</summary>
    public static SlotLease Seal(this SlotLease lease, ReadOnlySpan<byte> key)
    {
        ArgumentNullException.ThrowIfNull(lease);
        return lease with { Seal = Compute(lease, key) };
    }

    /// <summary>Whether the mark is this farm's and nothing was changed since.</summary>
    public static bool IsSealed(this SlotLease lease, ReadOnlySpan<byte> key)
    {
        ArgumentNullException.ThrowIfNull(lease);
        return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(lease.Seal), Encoding.UTF8.GetBytes(Compute(lease, key)));
    }

    private static string Compute(SlotLease lease, ReadOnlySpan<byte> key)
    {
        using IncrementalHash hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        Add(hash, lease.Id);
        Add(hash, lease.Worker);
        Add(hash, lease.Incarnation);
        Add(hash, lease.Endpoint);
        Add(hash, lease.Ask.Front);
        Add(hash, lease.Ask.Number);
        Add(hash, (long)lease.Ask.Account.Priority);
        Add(hash, lease.Ask.Account.User);
        Add(hash, lease.Ask.Account.Project);
        Add(hash, unchecked((long)lease.Ask.ToolKey));
        Add(hash, unchecked((long)lease.Ask.ContentKey));
        Add(hash, lease.Ask.MemoryBytes);
        Add(hash, BitConverter.DoubleToInt64Bits(lease.Ask.ExpectedSeconds));
        return Convert.ToBase64String(hash.GetHashAndReset());
    }

    // The length goes before: no two leases give the same bytes.
    private static void Add(IncrementalHash hash, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Add(hash, bytes.Length);
        hash.AppendData(bytes);
    }

    private static void Add(IncrementalHash hash, long number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }
}
