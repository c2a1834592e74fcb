using System.Text;

namespace Repr.Driver.Tests;

/// <summary>Structures that another party also knows, as compilers lay them out (driver/reprflt/tests/layout.c): no number is typed by hand.</summary>
public sealed class LayoutTests(BuiltDriver driver)
{
    [Fact]
    public void The_driver_and_an_independent_header_agree_on_the_filter_managers_structures() =>
        AssertSame("layout_driver.o", "layout_independent.o", least: 60);

    [Fact]
    public void The_protocol_has_one_layout_on_Windows_and_Linux() => AssertSame("layout_protocol_windows.o", "layout_protocol_linux.o", least: 50);

    private void AssertSame(string one, string other, int least)
    {
        Dictionary<string, ulong> expected = Read(other);

        Assert.True(expected.Count >= least, $"{expected.Count} entries");
        Assert.Equal(expected, Read(one));
    }

    // An entry is 56 characters of text and a number; marks stand before the first and behind the last.
    private Dictionary<string, ulong> Read(string file)
    {
        const int Text = 56;
        const int Entry = Text + sizeof(ulong);
        byte[] content = File.ReadAllBytes(driver.Program(file));
        int at = content.AsSpan().IndexOf("reprflt layout begins"u8);
        Assert.True(at >= 0, $"{file} has no layout.");
        Dictionary<string, ulong> entries = [];
        for (at += Entry; ; at += Entry)
        {
            string name = Encoding.ASCII.GetString(content, at, Text).TrimEnd('\0');
            if (name == "reprflt layout ends")
            {
                return entries;
            }

            entries.Add(name, BitConverter.ToUInt64(content, at + Text));
        }
    }
}
