using System.Security.Cryptography;

namespace Repr.Cas.Far.Tests;

public sealed class ZstdCodecTests
{
    [Theory]
    [InlineData(512)]
    [InlineData(100_000)]
    [InlineData(ZstdCodec.PieceLength)]
    public void What_repeats_itself_is_shortened_and_restored(int length)
    {
        using ZstdCodec codec = new();
        byte[] piece = [.. Enumerable.Range(0, length).Select(static index => (byte)(index % 7))];
        byte[] frame = new byte[length];
        byte[] restored = new byte[length];

        int written = codec.TryCompress(piece, frame);

        Assert.InRange(written, 1, length / 2);
        Assert.True(codec.TryDecompress(frame.AsSpan(0, written), restored));
        Assert.Equal(piece, restored);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(511)]
    [InlineData(100_000)]
    public void What_does_not_pay_is_left(int length)
    {
        using ZstdCodec codec = new();

        Assert.Equal(0, codec.TryCompress(RandomNumberGenerator.GetBytes(length), new byte[length]));
    }

    [Fact]
    public void A_frame_that_is_cut_or_changed_or_of_another_length_is_no_frame()
    {
        using ZstdCodec codec = new();
        byte[] frame = new byte[10_000];
        int written = codec.TryCompress(new byte[10_000], frame);

        Assert.False(codec.TryDecompress(frame.AsSpan(0, written - 1), new byte[10_000]));
        Assert.False(codec.TryDecompress(frame.AsSpan(0, written), new byte[9_999]));
        Assert.False(codec.TryDecompress(frame.AsSpan(0, written), new byte[10_001]));
        Assert.False(codec.TryDecompress(RandomNumberGenerator.GetBytes(100), new byte[10_000]));
        Assert.False(codec.TryDecompress([], new byte[10_000]));
        Assert.True(codec.TryDecompress(frame.AsSpan(0, written), new byte[10_000]));
    }
}
