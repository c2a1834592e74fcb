using Repr.Requester.Actions;
using Repr.Requester.Files;

namespace Repr.Requester.Tests.Actions;

public sealed class OutputPlanTests
{
    private static readonly Digest Digest = Digest.Compute("x"u8);
    private static readonly VirtualPath[] Files = [VirtualPath.Parse("/p/obj/a.dll")];
    private static readonly VirtualPath[] Directories = [VirtualPath.Parse("/p/gen")];

    public static TheoryData<string, ActionOutput[]> Attacks => new()
    {
        { "not within", [new FileOutput(VirtualPath.Parse("/p/obj/b.dll"), Digest, 0x1A4)] },
        { "not within", [new FileOutput(VirtualPath.Parse("/p/genevil/b"), Digest, 0x1A4)] },
        { "not within", [new DirectoryOutput(VirtualPath.Parse("/p"), 0x1ED)] },
        { "not within", [new DeletedOutput(VirtualPath.Parse("/p/src"))] },
        { "deleted", [new DeletedOutput(VirtualPath.Parse("/p/gen"))] },
        { "deleted", [new DeletedOutput(VirtualPath.Parse("/p/obj/a.dll"))] },
        { "a link", [new SymlinkOutput(VirtualPath.Parse("/p/obj/a.dll"), "b.dll")] },
        { "a link out", [new SymlinkOutput(VirtualPath.Parse("/p/gen/l"), "/etc/passwd")] },
        { "a link out", [new SymlinkOutput(VirtualPath.Parse("/p/gen/l"), "../src")] },
        { "a link out", [new SymlinkOutput(VirtualPath.Parse("/p/gen/d/l"), "../../src")] },
        { "a link out", [new SymlinkOutput(VirtualPath.Parse("/p/gen/l"), "d/../../src")] },
        { "twice", [new FileOutput(VirtualPath.Parse("/p/gen/a"), Digest, 0x1A4), new DeletedOutput(VirtualPath.Parse("/p/gen/a"))] },
        { "below", [new SymlinkOutput(VirtualPath.Parse("/p/gen/l"), "d"), new FileOutput(VirtualPath.Parse("/p/gen/l/a"), Digest, 0x1A4)] },
        { "below", [new FileOutput(VirtualPath.Parse("/p/gen/f"), Digest, 0x1A4), new FileOutput(VirtualPath.Parse("/p/gen/f/x/a"), Digest, 0x1A4)] },
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public void An_output_that_was_not_declared_is_refused(string expected, ActionOutput[] outputs)
    {
        ActionFailureException failure = Assert.Throws<ActionFailureException>(() => OutputPlan.Make(outputs, Mapping()));

        Assert.Equal(MessageCodes.OutputRefused, failure.MessageCode);
        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_anything_may_be_written_secrets_may_not()
    {
        ActionFailureException failure = Assert.Throws<ActionFailureException>(
            () => OutputPlan.Make([new FileOutput(VirtualPath.Parse("/w/.git/hooks/pre-commit"), Digest, 0x1ED)], Mapping()));
        Assert.Contains("may not write", failure.Message, StringComparison.Ordinal);

        Assert.Equal(
            ["/w/a", "/w/b", "/w/c"],
            OutputPlan.Make(
                [
                    new FileOutput(VirtualPath.Parse("/w/a"), Digest, 0x1A4),
                    new DeletedOutput(VirtualPath.Parse("/w/b")),
                    new SymlinkOutput(VirtualPath.Parse("/w/c"), "/w/a"),
                ],
                Mapping()).Select(output => output.Output.Path.Text));
        Assert.Throws<ActionFailureException>(
            () => OutputPlan.Make([new SymlinkOutput(VirtualPath.Parse("/w/c"), "/etc/passwd")], Mapping()));
    }

    private static InputMapping Mapping() => new([], [], new HashSet<VirtualPath>(), new ReadPolicy([VirtualPath.Parse("/w")], []), null)
    {
        MadeNs = 0,
        OutputFiles = Files,
        OutputDirectories = Directories,
        WriteRoots = [VirtualPath.Parse("/w")],
    };

    [Fact]
    public void Declared_outputs_are_planned_parents_first()
    {
        List<PlannedOutput> plan = OutputPlan.Make(
            [
                new SymlinkOutput(VirtualPath.Parse("/p/gen/d/l"), "../x"),
                new DirectoryOutput(VirtualPath.Parse("/p/gen/d"), 0x1ED),
                new FileOutput(VirtualPath.Parse("/p/obj/a.dll"), Digest, 0x1A4),
            ],
            Mapping());

        Assert.Equal(["/p/gen/d", "/p/gen/d/l", "/p/obj/a.dll"], plan.Select(output => output.Output.Path.Text));
        Assert.Equal(["d", "d/l", "a.dll"], plan.Select(output => output.Relative));
    }
}
