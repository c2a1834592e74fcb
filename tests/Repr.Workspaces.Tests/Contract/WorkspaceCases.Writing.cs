namespace Repr.Workspaces.Tests.Contract;

// What a tool changes, and what of it is found.
internal static partial class WorkspaceCases
{
    private const string RenameTheirDirectory = "a directory of the requester is renamed";

    private static IEnumerable<WorkspaceCase> Writing()
    {
        yield return new("a new file is read back and found", async world =>
        {
            world.With("a.c", "x");
            ToolOutcome outcome = await world.RunAsync(Write("a.obj", "object"), Read("a.obj"), List(""));
            Assert.Equal(["ok", "object", "a.c a.obj"], outcome.Said);
            Assert.Equal(["+ " + In("a.obj")], outcome.Changed);
            Assert.Equal("object", outcome.Text(In("a.obj")));
        });
        yield return new("a file is overwritten", async world =>
        {
            world.With("f", "a longer old text");
            ToolOutcome outcome = await world.RunAsync(Write("f", "new"), Read("f"));
            Assert.Equal(["ok", "new"], outcome.Said);
            Assert.Equal(["+ " + In("f")], outcome.Changed);
            Assert.Equal("new", outcome.Text(In("f")));
        });
        yield return new("a file is added to", async world =>
        {
            world.With("f", "old");
            ToolOutcome outcome = await world.RunAsync(Append("f", "+new"), Read("f"), Append("f", "+more"));
            Assert.Equal(["ok", "old+new", "ok"], outcome.Said);
            Assert.Equal("old+new+more", outcome.Text(In("f")));
        });
        yield return new("what a tool wrote it reads and adds to", async world =>
        {
            world.Files.AddDirectory("/C:/src");
            ToolOutcome outcome = await world.RunAsync(Write("log", "1"), Append("log", "2"), Read("log"), Append("log", "3"), Read("log"));
            Assert.Equal(["ok", "ok", "12", "ok", "123"], outcome.Said);
            Assert.Equal("123", outcome.Text(In("log")));
        });
        yield return new("directories are made, with files in them", async world =>
        {
            world.Files.AddDirectory("/C:/src");
            ToolOutcome outcome = await world.RunAsync(
                MakeDirectory("n"), MakeDirectory("n/m"), Write("n/m/f", "x"), MakeDirectory("n"), MakeDirectory("none/x"), List("n"));
            Assert.Equal(["ok", "ok", "ok", "refused", "refused", "m"], outcome.Said);
            Assert.Equal(["/ " + In("n"), "/ " + In("n/m"), "+ " + In("n/m/f")], outcome.Changed);
        });
        yield return new("a file that was only touched is found, with its content", async world =>
        {
            world.With("f", "text");
            ToolOutcome outcome = await world.RunAsync(new ToolStep.Touch(In("f")));
            Assert.Equal(["ok"], outcome.Said);
            Assert.Equal("text", outcome.Text(In("f")));
        });
        yield return new("a read-only file is not written to", async world =>
        {
            world.With("x", "").AddFile(In("f"), "text", 0x124);
            ToolOutcome outcome = await world.RunAsync(Write("f", "new"), Append("f", "new"), Read("f"));
            Assert.Equal(["refused", "refused", "text"], outcome.Said);
            Assert.Empty(outcome.Changes);
        });
        yield return new("a file that was not read is renamed", async world =>
        {
            world.With("from", "text");
            ToolOutcome outcome = await world.RunAsync(Rename("from", "to"), Probe("from"), Probe("to"), List(""));
            Assert.Equal(["ok", "absent", "file", "to"], outcome.Said);
            Assert.Equal(["- " + In("from"), "+ " + In("to")], outcome.Changed);
            Assert.Equal("text", outcome.Text(In("to")));
        });
        yield return new("a renamed file is read under its new name, and renamed again", async world =>
        {
            world.With("a", "text").AddDirectory(In("d"));
            ToolOutcome outcome = await world.RunAsync(Rename("a", "d/b"), Read("d/b"), Rename("d/b", "c"), Read("c"), Read("a"));
            Assert.Equal(["ok", "text", "ok", "text", "absent"], outcome.Said);
            Assert.Equal(["- " + In("a"), "+ " + In("c")], outcome.Changed);
            Assert.Equal("text", outcome.Text(In("c")));
        });
        yield return new("a new file replaces an old one", async world =>
        {
            world.With("f", "old");
            ToolOutcome outcome = await world.RunAsync(Write("f.tmp", "new"), Rename("f.tmp", "f"), Read("f"), List(""));
            Assert.Equal(["ok", "ok", "new", "f"], outcome.Said);
            Assert.Equal(["+ " + In("f")], outcome.Changed);
            Assert.Equal("new", outcome.Text(In("f")));
        });
        yield return new("a directory that the tool made is renamed", async world =>
        {
            world.Files.AddDirectory("/C:/src");
            ToolOutcome outcome = await world.RunAsync(MakeDirectory("n"), Write("n/f", "x"), Rename("n", "m"), Read("m/f"), Probe("n"));
            Assert.Equal(["ok", "ok", "ok", "x", "absent"], outcome.Said);
            Assert.Equal(["/ " + In("m"), "+ " + In("m/f")], outcome.Changed);
        });
        yield return new(RenameTheirDirectory, async world =>
        {
            world.With("old/f", "x");
            ToolOutcome outcome = await world.RunAsync(Rename("old", "new"), Read("new/f"), Probe("old"));
            Assert.Equal(["ok", "x", "absent"], outcome.Said);
            Assert.Equal(["/ " + In("new"), "+ " + In("new/f"), "- " + In("old")], outcome.Changed);
        });
    }

    private static IEnumerable<WorkspaceCase> Deleting()
    {
        yield return new("a deleted file is gone, also from the listing", async world =>
        {
            world.With("f", "x").AddFile(In("kept"), "y");
            ToolOutcome outcome = await world.RunAsync(Read("f"), Delete("f"), Probe("f"), Read("f"), List(""), Delete("f"));
            Assert.Equal(["x", "ok", "absent", "absent", "kept", "refused"], outcome.Said);
            Assert.Equal(["- " + In("f")], outcome.Changed);
        });
        yield return new("a file that nobody had looked at is deleted", async world =>
        {
            world.With("f", "x");
            ToolOutcome outcome = await world.RunAsync(Delete("f"), List(""));
            Assert.Equal(["ok", ""], outcome.Said);
            Assert.Equal(["- " + In("f")], outcome.Changed);
        });
        yield return new("what the tool made and deleted is no change", async world =>
        {
            world.With("f", "x");
            ToolOutcome outcome = await world.RunAsync(
                Write("tmp", "y"), Delete("tmp"), MakeDirectory("d"), Delete("d"), Write("a", "z"), Rename("a", "b"), Delete("b"), List(""));
            Assert.Equal("f", outcome.Said[^1]);
            Assert.Empty(outcome.Changes);
        });
        yield return new("a deleted file is made again", async world =>
        {
            world.With("f", "old");
            ToolOutcome outcome = await world.RunAsync(Delete("f"), Write("f", "new"), Read("f"));
            Assert.Equal(["ok", "ok", "new"], outcome.Said);
            Assert.Equal(["+ " + In("f")], outcome.Changed);
        });
        yield return new("a directory with all that is in it is one deletion", async world =>
        {
            world.With("d/a", "1").AddFile(In("d/s/b"), "2");
            ToolOutcome outcome = await world.RunAsync(
                Delete("d"), Delete("d/a"), Delete("d/s/b"), Delete("d/s"), Delete("d"), Probe("d"), Probe("d/a"), List(""));
            Assert.Equal(["refused", "ok", "ok", "ok", "ok", "absent", "absent", ""], outcome.Said);
            Assert.Equal(["- " + In("d")], outcome.Changed);
        });
        yield return new("a directory that is deleted and made again loses its old entries", async world =>
        {
            world.With("d/old", "1").AddFile(In("d/same"), "2");
            ToolOutcome outcome = await world.RunAsync(
                Delete("d/old"), Delete("d/same"), Delete("d"), MakeDirectory("d"), Write("d/same", "n"), List("d"), Read("d/old"));
            Assert.Equal(["ok", "ok", "ok", "ok", "ok", "same", "absent"], outcome.Said);
            Assert.Equal(["- " + In("d/old"), "+ " + In("d/same")], outcome.Changed);
        });
        yield return new("a file becomes a directory, and a directory a file", async world =>
        {
            world.With("file", "x").AddFile(In("directory/x"), "y");
            ToolOutcome outcome = await world.RunAsync(
                Delete("file"), MakeDirectory("file"), Write("file/a", "a"), Delete("directory/x"), Delete("directory"), Write("directory", "b"));
            Assert.Equal(["ok", "ok", "ok", "ok", "ok", "ok"], outcome.Said);
            Assert.Equal(["+ " + In("directory"), "/ " + In("file"), "+ " + In("file/a")], outcome.Changed);
        });
    }
}
