using System.Xml.Linq;

namespace Repr.Bench.Tests;

public sealed class ChartsTests
{
    [Fact]
    public void Bars_are_well_formed_svg_with_the_titles_and_a_label_for_each_value()
    {
        string svg = Charts.Bars(
            "Time <of> a build", "ratio", ["local", "remote & far"], [("0 ms", [1, 1.26]), ("5 ms", [1, null])]);

        XElement root = XDocument.Parse(svg).Root!;
        string[] texts = [.. root.Descendants(root.Name.Namespace + "text").Select(text => text.Value)];
        Assert.Equal("svg", root.Name.LocalName);
        Assert.Contains("Time <of> a build", texts);
        Assert.Contains("remote & far", texts);
        Assert.Contains("5 ms", texts);
        Assert.Single(texts, "1.26");
        Assert.Equal(2, texts.Count(text => text == "1.00"));
    }

    [Fact]
    public void Lines_leave_out_what_a_run_did_not_measure()
    {
        string svg = Charts.Lines("History", "ratio", ["a", "b", "c"], [("remote", [1.5, null, 1.2])]);

        XElement root = XDocument.Parse(svg).Root!;
        Assert.Contains(root.Descendants(root.Name.Namespace + "text"), text => text.Value == "remote");
    }
}
