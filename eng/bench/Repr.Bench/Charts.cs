using System.Text;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace Repr.Bench;

/// <summary>Charts as SVG.</summary>
internal static class Charts
{
    private const double Width = 900;

    // Told apart also without colours: from light to dark.
    private static readonly OxyColor[] s_colours =
    [
        OxyColor.FromRgb(0x9e, 0xc9, 0xe2), OxyColor.FromRgb(0x5b, 0xa3, 0xcf), OxyColor.FromRgb(0x1f, 0x6f, 0xb2), OxyColor.FromRgb(0x0b, 0x3c, 0x73),
    ];

    /// <summary>Groups of horizontal bars, and a line at 1.</summary>
    /// <param name="title">Above it.</param>
    /// <param name="axis">What the bars are.</param>
    /// <param name="rows">A group for each, from top to bottom.</param>
    /// <param name="series">For each a bar in each group; null: none.</param>
    public static string Bars(string title, string axis, IReadOnlyList<string> rows, IReadOnlyList<(string Title, IReadOnlyList<double?> Values)> series)
    {
        PlotModel model = NewModel(title);
        CategoryAxis names = new() { Position = AxisPosition.Left, StartPosition = 1, EndPosition = 0, GapWidth = 0.4 };
        names.Labels.AddRange(rows);
        model.Axes.Add(names);
        model.Axes.Add(new LinearAxis { Position = AxisPosition.Bottom, Minimum = 0, AbsoluteMinimum = 0, Title = axis, MajorGridlineStyle = LineStyle.Dot, MaximumPadding = 0.12 });
        model.Annotations.Add(LineAtOne(OxyPlot.Annotations.LineAnnotationType.Vertical));
        for (int place = 0; place < series.Count; place++)
        {
            BarSeries bars = new()
            {
                Title = series[place].Title,
                FillColor = s_colours[place % s_colours.Length],
                LabelPlacement = LabelPlacement.Outside,
                LabelFormatString = "{0:0.00}",
                FontSize = 10,
            };
            for (int row = 0; row < rows.Count; row++)
            {
                if (series[place].Values[row] is { } value)
                {
                    bars.Items.Add(new BarItem(value, row));
                }
            }

            model.Series.Add(bars);
        }

        return Export(model, 120 + (rows.Count * (14 + (16 * series.Count))));
    }

    /// <summary>A line for each series over places in a row, and a line at 1.</summary>
    /// <param name="title">Above it.</param>
    /// <param name="axis">What the points are.</param>
    /// <param name="places">From left to right.</param>
    /// <param name="series">For each a point at each place; null: none.</param>
    public static string Lines(string title, string axis, IReadOnlyList<string> places, IReadOnlyList<(string Title, IReadOnlyList<double?> Values)> series)
    {
        PlotModel model = NewModel(title);
        CategoryAxis names = new() { Position = AxisPosition.Bottom, Angle = -45 };
        names.Labels.AddRange(places);
        model.Axes.Add(names);
        model.Axes.Add(new LinearAxis { Position = AxisPosition.Left, Minimum = 0, Title = axis, MajorGridlineStyle = LineStyle.Dot, MaximumPadding = 0.1 });
        model.Annotations.Add(LineAtOne(OxyPlot.Annotations.LineAnnotationType.Horizontal));
        foreach ((string name, IReadOnlyList<double?> values) in series)
        {
            LineSeries line = new() { Title = name, MarkerType = MarkerType.Circle, MarkerSize = 3 };
            for (int place = 0; place < places.Count; place++)
            {
                line.Points.Add(values[place] is { } value ? new DataPoint(place, value) : DataPoint.Undefined);
            }

            model.Series.Add(line);
        }

        return Export(model, 420);
    }

    private static PlotModel NewModel(string title)
    {
        PlotModel model = new() { DefaultFont = "Arial", Title = title, TitleFontSize = 14, TitleFontWeight = FontWeights.Normal, Background = OxyColors.White, Culture = System.Globalization.CultureInfo.InvariantCulture };
        model.Legends.Add(new Legend { LegendPlacement = LegendPlacement.Outside, LegendPosition = LegendPosition.RightTop });
        return model;
    }

    private static OxyPlot.Annotations.LineAnnotation LineAtOne(OxyPlot.Annotations.LineAnnotationType direction) =>
        new() { Type = direction, X = 1, Y = 1, Color = OxyColors.Gray, LineStyle = LineStyle.Dash };

    private static string Export(PlotModel model, double height)
    {
        using MemoryStream svg = new();
        new SvgExporter { Width = Width, Height = height, TextMeasurer = new ScreenText(Width, height) }.Export(model, svg);
        return Encoding.UTF8.GetString(svg.ToArray()).TrimStart('\uFEFF'); // it writes a mark of the byte order
    }

    // OxyPlot measures text for paper, in points; browsers show the same number as pixels, which are smaller, so that text would be cut.
    private sealed class ScreenText(double width, double height) : PdfRenderContext(width, height, OxyColors.White)
    {
        private const double PointsToPixels = 96.0 / 72;

        public override OxySize MeasureText(string text, string fontFamily, double fontSize, double fontWeight)
        {
            OxySize paper = base.MeasureText(text, fontFamily, fontSize, fontWeight);
            return new OxySize(paper.Width * PointsToPixels, paper.Height * PointsToPixels);
        }
    }
}
