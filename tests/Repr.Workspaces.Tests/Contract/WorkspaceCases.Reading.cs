using System.Collections.Concurrent;

namespace Repr.Workspaces.Tests.Contract;

// What a tool finds, and when it is asked for.
internal static partial class WorkspaceCases
{
    private const string Lazy = "only what is read is fetched";
    private const string LazyListing = "a listing fetches no content";
    private const string AskedOnce = "a content is fetched once, an absent name asked for once";
    private const string AnySpelling = "a name in another case is found";
    private const string SpellingOnDisk = "a listing shows the requester's spelling, whatever was opened";
    private const string ForbiddenNames = "names that Windows cannot use are left out";
    private const string Streams = "alternate streams are refused";
    private const string FirstFailure = "the first failure of the source is the one that is told";
    private const string Cancelled = "a tool that waits for an answer can be cancelled";

    private static IEnumerable<WorkspaceCase> Reading()
    {
        yield return new("a file is read at its path", async world =>
        {
            world.With("deep/er/a b.txt", "content");
            ToolOutcome outcome = await world.RunAsync(Read("deep/er/a b.txt"), Probe("deep"), Probe("deep/er/a b.txt"));
            Assert.Equal(["content", "directory", "file"], outcome.Said);
            Assert.Empty(outcome.Changes);
        });
        yield return new(Lazy, async world =>
        {
            world.With("read.h", "yes").AddFile(In("other.h"), "no").AddFile(In("probed.h"), "no");
            ToolOutcome outcome = await world.RunAsync(Read("read.h"), Probe("probed.h"));
            Assert.Equal(["yes", "file"], outcome.Said);
            Assert.Equal((1, 0, 0), (world.Opened("read.h"), world.Opened("other.h"), world.Opened("probed.h")));
        });
        yield return new(LazyListing, async world =>
        {
            world.With("d/a", "1").AddFile(In("d/b"), "2");
            Assert.Equal(["a b"], (await world.RunAsync(List("d"))).Said);
            Assert.DoesNotContain(world.Files.Opened, pair => pair.Key.Text.StartsWith("/C:/", StringComparison.Ordinal));
        });
        yield return new(AskedOnce, async world =>
        {
            ConcurrentDictionary<VirtualPath, int> asked = new();
            world.Files.BeforeAnswer = (path, _) =>
            {
                asked.AddOrUpdate(path, 1, (_, count) => count + 1);
                return ValueTask.CompletedTask;
            };
            world.With("f", "x");
            ToolOutcome outcome = await world.RunAsync(Read("f"), Read("f"), Probe("no.h"), Probe("no.h"), Read("no.h"));
            Assert.Equal(["x", "x", "absent", "absent", "absent"], outcome.Said);
            Assert.Equal((1, 1), (world.Opened("f"), asked[VirtualPath.Parse(In("no.h"))]));
        });
        yield return new("what is not there is absent, and so is what would be below it", async world =>
        {
            world.With("file", "x");
            ToolOutcome outcome = await world.RunAsync(Probe("none"), Read("none"), Read("none/x"), Read("file/x"), List("none"));
            Assert.Equal(["absent", "absent", "absent", "absent", "absent"], outcome.Said);
        });
        yield return new("a directory is listed whole", async world =>
        {
            world.With("_x.h", "").AddFile(In("B.c"), "").AddFile(In("a.c"), "").AddDirectory(In("d")).AddFile(In("ä.txt"), "");
            Assert.Equal(["B.c _x.h a.c d ä.txt"], (await world.RunAsync(List(""))).Said);
        });
        yield return new("a listing takes a search expression", async world =>
        {
            world.With("a.c", "").AddFile(In("b.c"), "").AddFile(In("c.h"), "").AddFile(In("abc"), "");
            ToolOutcome outcome = await world.RunAsync(List("", "*.c"), List("", "?.h"), List("", "a*"), List("", "*.cpp"));
            Assert.Equal(["a.c b.c", "c.h", "a.c abc", ""], outcome.Said);
        });
        yield return new("an empty directory and an empty file are there", async world =>
        {
            world.With("empty", "").AddDirectory(In("nothing"));
            Assert.Equal(["", "", "directory"], (await world.RunAsync(Read("empty"), List("nothing"), Probe("nothing"))).Said);
        });
        yield return new("a large file is read in parts and whole", async world =>
        {
            string text = string.Concat(Enumerable.Range(0, 300_000).Select(line => $"{line:D9}\n")) + "end";
            world.With("large", text);
            ToolOutcome outcome = await world.RunAsync(
                new ToolStep.ReadRange(In("large"), 2_999_990, 13), new ToolStep.ReadRange(In("large"), 1_048_570, 20), Copy("large", "copy"));
            Assert.Equal(["000299999\nend"[..13], text.Substring(1_048_570, 20), "ok"], outcome.Said);
            Assert.Equal(text, outcome.Text(In("copy")));
        });
        yield return new("thousands of files are listed, hundreds of them read", async world =>
        {
            world.Files.AddDirectory("/C:/src");
            string[] names = [.. Enumerable.Range(0, 3000).Select(i => $"a-name-of-some-length-{i:D4}.h")];
            Array.ForEach(names, name => world.Files.AddFile(In("many/" + name), name));
            ToolOutcome outcome = await world.RunAsync(
                List("many"), new ToolStep.ReadAtOnce([.. names.Take(300).Select(name => In("many/" + name))]));
            Assert.Equal([string.Join(' ', names), string.Join(' ', names.Take(300))], outcome.Said);
        });
        yield return new("many readers at once get the same content", async world =>
        {
            world.With("shared", "content");
            ToolOutcome outcome = await world.RunAsync(new ToolStep.ReadAtOnce([.. Enumerable.Repeat(In("shared"), 64)]));
            Assert.Equal([string.Join(' ', Enumerable.Repeat("content", 64))], outcome.Said);
            Assert.Equal(1, world.Opened("shared"));
        });
        yield return new("long paths and names of other scripts", async world =>
        {
            string deep = string.Join('/', Enumerable.Range(0, 7).Select(i => new string((char)('a' + i), 60)));
            world.With(deep + "/日本.txt", "long");
            ToolOutcome outcome = await world.RunAsync(Read(deep + "/日本.txt"), Write(deep + "/é.obj", "new"));
            Assert.Equal(["long", "ok"], outcome.Said);
            Assert.Equal(["+ " + In(deep + "/é.obj")], outcome.Changed);
        });
        yield return new("a link leads to its file", async world =>
        {
            world.With("d/target", "text").AddLink(In("link"), "d/target");
            ToolOutcome outcome = await world.RunAsync(Read("link"), List(""));
            Assert.Equal(["text", "d link"], outcome.Said);
            Assert.Empty(outcome.Changes);
        });
        yield return new("two actions do not meet", async world =>
        {
            world.With("f", "theirs");
            ToolOutcome first = await world.RunAsync(Write("f", "mine"), Read("f"));
            ToolOutcome second = await world.RunAsync(Read("f"), List(""));
            Assert.Equal(["ok", "mine"], first.Said);
            Assert.Equal(["theirs", "f"], second.Said);
        });
        yield return new(AnySpelling, async world =>
        {
            world.With("Deep/Header.H", "text");
            ToolOutcome outcome = await world.RunAsync(Read("dEEP/hEADER.h"), Probe("DEEP"), Read("Deep/Header.H"), Probe("deep/none.h"));
            Assert.Equal(["text", "directory", "text", "absent"], outcome.Said);
            Assert.Equal(1, world.Opened("Deep/Header.H"));
        });
        yield return new(SpellingOnDisk, async world =>
        {
            world.With("Deep/Header.H", "text");
            ToolOutcome outcome = await world.RunAsync(Read("dEEP/hEADER.h"), List(""), List("deep"), Append("DEEP/HEADER.H", "+"));
            Assert.Equal(["text", "Deep", "Header.H", "ok"], outcome.Said);
            Assert.Equal(["+ " + In("Deep/Header.H")], outcome.Changed);
        });
        yield return new(ForbiddenNames, async world =>
        {
            world.With("a", "").AddFile(In("b:c"), "").AddFile(In("b\\c"), "").AddFile(In("b*"), "").AddFile(In("dot."), "")
                .AddFile(In("space "), "").AddFile(In("con"), "").AddFile(In("Lpt1.txt"), "").AddFile(In("console"), "");
            ToolOutcome outcome = await world.RunAsync(List(""), Probe("con"), Probe("Lpt1.txt"), Probe("dot."));
            Assert.Equal(["a console", "absent", "absent", "absent"], outcome.Said);
        });
        yield return new(Streams, async world =>
        {
            world.With("a.c", "text").AddFile(In("a.c:stream"), "hidden");
            ToolOutcome outcome = await world.RunAsync(Read("a.c:stream"), Write("a.c:other", "x"), Read("a.c"));
            Assert.Equal(["absent", "refused", "text"], outcome.Said);
            Assert.Empty(outcome.Changes);
        });
    }

    private static IEnumerable<WorkspaceCase> Failing()
    {
        yield return new("a failure of the source is no verdict, even when the tool ignores it", async world =>
        {
            world.With("file", "x").AddFile(In("fine"), "y").BeforeAnswer = (path, _) => path.Name == "file"
                ? throw new ReprException(ReprErrorCode.InvalidInput, "It changed.")
                : ValueTask.CompletedTask;
            ReprException exception = await Assert.ThrowsAsync<ReprException>(() => world.RunAsync(Read("file"), Read("fine")));
            Assert.Equal((ReprErrorCode.InvalidInput, "It changed."), (exception.Code, exception.Message));
        });
        yield return new("a failure while content is fetched is no verdict", async world =>
        {
            world.With("file", "x").BeforeContent = (path, _) => path.Name == "file"
                ? throw new ReprException(ReprErrorCode.Corrupt, "It is damaged.")
                : ValueTask.CompletedTask;
            ReprException exception = await Assert.ThrowsAsync<ReprException>(
                () => world.RunAsync(List(""), Probe("file"), Read("file"), Read("file")));
            Assert.Equal("It is damaged.", exception.Message);
        });
        yield return new(FirstFailure, async world =>
        {
            world.Files.AddDirectory("/C:/src").BeforeAnswer = (path, _) => path.Name switch
            {
                "first" => throw new ReprException(ReprErrorCode.Refused, "The first."),
                "second" => throw new ReprException(ReprErrorCode.Unavailable, "The second."),
                _ => ValueTask.CompletedTask,
            };
            ReprException exception = await Assert.ThrowsAsync<ReprException>(() => world.RunAsync(Read("first"), Read("second")));
            Assert.Equal((ReprErrorCode.Refused, "The first."), (exception.Code, exception.Message));
        });
        yield return new(Cancelled, async world =>
        {
            TaskCompletionSource asked = new();
            world.Files.AddDirectory("/C:/src").BeforeAnswer = async (path, _) =>
            {
                if (path.Name == "never")
                {
                    asked.TrySetResult();
                    await new TaskCompletionSource().Task; // a source that does not heed cancellation
                }
            };
            using CancellationTokenSource cancelling = CancellationTokenSource.CreateLinkedTokenSource(world.Cancellation);
            Task<ToolOutcome> run = world.Kind.RunAsync(world.Round, world.Files, [Read("never")], cancelling.Token);
            await asked.Task.WaitAsync(world.Cancellation);
            await cancelling.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(TimeSpan.FromSeconds(60), world.Cancellation));
        });
    }
}
