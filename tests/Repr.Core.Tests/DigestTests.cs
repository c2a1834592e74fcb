using System.Security.Cryptography;
using System.Text;

namespace Repr.Core.Tests;

public sealed class DigestTests
{
    private const string AbcHash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-4, appendix B.1

    [Fact]
    public void Compute_gives_the_published_hash_and_the_length()
    {
        Digest digest = Digest.Compute("abc"u8);

        Assert.Equal(AbcHash + "/3", digest.ToString());
        Assert.Equal(3, digest.SizeBytes);
    }

    [Fact]
    public async Task ComputeAsync_gives_the_same_as_Compute_for_content_larger_than_its_buffer()
    {
        byte[] content = RandomNumberGenerator.GetBytes(1_000_003);

        using MemoryStream stream = new(content);
        Digest digest = await Digest.ComputeAsync(stream, TestContext.Current.CancellationToken);

        Assert.Equal(Digest.Compute(content), digest);
    }

    [Fact]
    public void TryParse_reads_what_ToString_writes()
    {
        Digest digest = Digest.Compute(Encoding.UTF8.GetBytes("some content"));

        Assert.True(Digest.TryParse(digest.ToString(), out Digest read));
        Assert.Equal(digest, read);
        Assert.Equal(digest.GetHashCode(), read.GetHashCode());
    }

    [Theory]
    [InlineData("")]
    [InlineData("/3")]
    [InlineData(AbcHash)]
    [InlineData(AbcHash + "/")]
    [InlineData(AbcHash + "/-1")]
    [InlineData(AbcHash + "/+3")]
    [InlineData(AbcHash + "/ 3")]
    [InlineData(AbcHash + "/3x")]
    [InlineData(AbcHash + "0/3")]
    [InlineData("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD/3")]
    [InlineData("zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad/3")]
    public void TryParse_refuses_anything_else(string text) => Assert.False(Digest.TryParse(text, out _));

    [Fact]
    public void Digests_of_the_same_hash_but_another_size_differ()
    {
        byte[] hash = new byte[Digest.HashLength];

        Assert.NotEqual(new Digest(hash, 1), new Digest(hash, 2));
    }

    [Fact]
    public void The_default_value_is_not_the_digest_of_nothing()
    {
        Assert.True(default(Digest).IsDefault);
        Assert.False(Digest.Empty.IsDefault);
        Assert.NotEqual(default, Digest.Empty);
    }

    [Fact]
    public void A_hash_of_another_length_or_a_negative_size_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new Digest(new byte[31], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Digest(new byte[32], -1));
    }

    [Fact]
    public void Digests_made_up_to_begin_or_end_alike_still_spread_over_a_hash_table()
    {
        HashSet<int> codes = [];
        byte[] hash = new byte[Digest.HashLength];
        for (int i = 0; i < 10_000; i++)
        {
            BitConverter.TryWriteBytes(hash.AsSpan(8), i);
            codes.Add(new Digest(hash, 1).GetHashCode());
        }

        Assert.InRange(codes.Count, 9_900, 10_000);
    }
}
