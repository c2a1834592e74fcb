using Google.Protobuf;
using Repr.Protocol;

namespace Repr.Server.Results;

/// <summary>What one run looked at: the paths on which its result depends, and how. Immutable.</summary>
/// <param name="Inputs">Of the requester, sorted.</param>
/// <param name="PrivateInputs">Below the worker's private directories, sorted; told to no requester.</param>
internal sealed record PathSet(IReadOnlyList<ObservedInput> Inputs, IReadOnlyList<ObservedInput> PrivateInputs)
{
    /// <summary>Paths of the largest set that is kept.</summary>
    public const int MaximumPaths = 50_000;

    /// <summary>All paths in their order.</summary>
    public IEnumerable<ObservedInput> All => Inputs.Concat(PrivateInputs);

    /// <summary>How many.</summary>
    public int Count => Inputs.Count + PrivateInputs.Count;

    /// <summary>Makes a set.</summary>
    public static PathSet Of(IEnumerable<ObservedInput> inputs, IEnumerable<ObservedInput> privateInputs) => new(Sorted(inputs), Sorted(privateInputs));

    /// <summary>Reads a set.</summary>
    /// <returns>Null when the bytes are none.</returns>
    public static PathSet? TryParse(byte[] bytes)
    {
        try
        {
            Protocol.V1.PathSet set = Protocol.V1.PathSet.Parser.ParseFrom(bytes);
            return new PathSet([.. set.Inputs.Select(WireConversions.ToCore)], [.. set.PrivateInputs.Select(WireConversions.ToCore)]);
        }
        catch (Exception malformed) when (malformed is InvalidProtocolBufferException or ReprException)
        {
            return null;
        }
    }

    /// <summary>The name of a set.</summary>
    /// <param name="bytes">What <see cref="ToBytes"/> made.</param>
    public static Digest NameOf(byte[] bytes)
    {
        using Fingerprint name = new("repr paths 1");
        return name.Add(bytes).End();
    }

    /// <summary>Writes the set.</summary>
    public byte[] ToBytes()
    {
        Protocol.V1.PathSet set = new();
        set.Inputs.AddRange(Inputs.Select(WireConversions.ToWire));
        set.PrivateInputs.AddRange(PrivateInputs.Select(WireConversions.ToWire));
        return set.ToByteArray();
    }

    private static ObservedInput[] Sorted(IEnumerable<ObservedInput> inputs) =>
        [.. inputs.OrderBy(static input => input.Path.Text, StringComparer.Ordinal)];
}
