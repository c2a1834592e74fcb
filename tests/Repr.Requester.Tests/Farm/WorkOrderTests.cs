using Repr.Requester.Farm;

namespace Repr.Requester.Tests.Farm;

public sealed class WorkOrderTests
{
    private readonly WorkOrder _order = new();

    [Fact]
    public void What_reads_what_another_wrote_comes_after_it_along_the_longest_chain()
    {
        Note("core", 4, [], ["core.dll"]);
        Note("tools", 1, [], ["tools.dll"]);
        Note("data", 2, ["core.dll"], ["data.dll"]);
        Note("app", 3, ["core.dll", "data.dll", "tools.dll", "app.cs"], ["app.dll"]);

        Assert.Equal((5, 4 * 1000), _order.Find("core"));
        Assert.Equal((3, 2 * 1000), _order.Find("data"));
        Assert.Equal((3, 1 * 1000), _order.Find("tools"));
        Assert.Equal((0, 3 * 1000), _order.Find("app"));
        Assert.Equal((0, 0 * 1000), _order.Find("nothing"));
    }

    [Fact]
    public void What_a_later_build_shows_counts()
    {
        Note("core", 4, [], ["core.dll"]);
        Note("data", 2, ["core.dll"], ["data.dll"]);
        Note("app", 30, ["data.dll"], ["app.dll"]);
        Assert.Equal((32, 4 * 1000), _order.Find("core"));

        Note("core", 1, [], ["core.dll"]);
        Note("data", 1, [], ["data.dll"]);
        Note("app", 3, ["core.dll"], ["app.dll"]);

        Assert.Equal((3, 1 * 1000), _order.Find("core"));
        Assert.Equal((0, 1 * 1000), _order.Find("data"));
    }

    [Fact]
    public void Circles_end()
    {
        for (int round = 0; round < 10; round++)
        {
            Note("a", 1, ["a.txt", "b.txt"], ["a.txt"]);
            Note("b", 1, ["a.txt"], ["b.txt"]);
        }

        Assert.InRange(_order.Find("a").After, 1, 1_000_000);
    }

    [Fact]
    public void Many_that_read_what_all_the_others_wrote_end_too()
    {
        string[] files = [.. Enumerable.Range(0, 8).Select(static number => $"{number}.txt")];
        for (int round = 0; round < 3; round++)
        {
            foreach (string file in files)
            {
                Note(file, 1, [.. files.Where(other => other != file)], [file]);
            }
        }

        Assert.All(files, file => Assert.InRange(_order.Find(file).After, 1, 3600));
    }

    private void Note(string key, double seconds, string[] inputs, string[] outputs) =>
        _order.Note(key, seconds, (long)(seconds * 1000), inputs.Select(PathOf), outputs.Select(PathOf));

    private static VirtualPath PathOf(string name) => VirtualPath.Parse("/src/" + name);
}
