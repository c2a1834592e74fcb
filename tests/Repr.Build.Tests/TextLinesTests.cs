using System.Text;

namespace Repr.Build.Tests;

public sealed class TextLinesTests
{
    [Theory]
    [InlineData("one\ntwo\r\nthree\rfour", new[] { "one", "two", "three", "four" })]
    [InlineData("\n\nlast\n", new[] { "", "", "last" })]
    [InlineData("größe\n", new[] { "größe" })]
    [InlineData("", new string[0])]
    public void Lines_are_the_same_however_the_bytes_are_cut(string text, string[] expected)
    {
        foreach (int size in new[] { 1, 2, 3, 100 })
        {
            List<string> lines = [];
            TextLines reader = new(Encoding.UTF8, lines.Add);
            foreach (byte[] chunk in Encoding.UTF8.GetBytes(text).Chunk(size))
            {
                reader.Add(chunk);
            }

            reader.End();

            Assert.Equal(expected, lines);
        }
    }

    [Fact]
    public void A_line_is_logged_as_soon_as_it_ends()
    {
        List<string> lines = [];
        TextLines reader = new(Encoding.UTF8, lines.Add);

        reader.Add("one\ntw"u8);

        Assert.Equal(["one"], lines);
    }
}
