using Google.Protobuf;
using Repr.Protocol;
using V1 = Repr.Protocol.V1;

namespace Repr.Core.Tests.Protocol;

public sealed class WireConversionsTests
{
    private static readonly Digest Content = Repr.Digest.Compute("content"u8);

    public static TheoryData<InputFact> Facts =>
    [
        new FileFact(VirtualPath.Parse("/a/b"), Content, 7, 0x1ED, 5),
        new FileFact(VirtualPath.Parse("/a/b"), null, 7, 0x1A4, -5),
        new DirectoryFact(VirtualPath.Parse("/"), true, 0x3FF, 9),
        new SymlinkFact(VirtualPath.Parse("/l"), "../x"),
        new AbsentFact(VirtualPath.Parse("/n")),
    ];

    public static TheoryData<ActionOutput> Outputs =>
    [
        new FileOutput(VirtualPath.Parse("/a/b"), Content, 0x1ED),
        new DirectoryOutput(VirtualPath.Parse("/d"), 0x1C0),
        new SymlinkOutput(VirtualPath.Parse("/l"), "x"),
        new DeletedOutput(VirtualPath.Parse("/n")),
    ];

    [Theory]
    [MemberData(nameof(Facts))]
    public void A_fact_survives_the_wire(InputFact fact) =>
        Assert.Equal(fact, V1.InputFact.Parser.ParseFrom(fact.ToWire().ToByteArray()).ToCore());

    [Theory]
    [MemberData(nameof(Outputs))]
    public void An_output_survives_the_wire(ActionOutput output) =>
        Assert.Equal(output, V1.Output.Parser.ParseFrom(output.ToWire().ToByteArray()).ToCore());

    [Fact]
    public void A_command_survives_the_wire()
    {
        Command command = new()
        {
            Arguments = ["/usr/bin/tool", "", "ä b"],
            WorkingDirectory = VirtualPath.Parse("/w"),
            Environment = new Dictionary<string, string> { ["PATH"] = "/bin", ["EMPTY"] = "" },
            OutputRoots = [VirtualPath.Parse("/o")],
            CopyRoots = [VirtualPath.Parse("/c")],
            Timeout = TimeSpan.FromSeconds(3),
            UserId = 1000,
            GroupId = 100,
            Umask = 0x3F,
        };

        Command read = V1.Command.Parser.ParseFrom(command.ToWire().ToByteArray()).ToCore();

        Assert.Equal(command.Arguments, read.Arguments);
        Assert.Equal(command.Environment, read.Environment);
        Assert.Equal(command.OutputRoots, read.OutputRoots);
        Assert.Equal(command.CopyRoots, read.CopyRoots);
        Assert.Equal(
            (command.WorkingDirectory, command.Timeout, command.UserId, command.GroupId, command.Umask),
            (read.WorkingDirectory, read.Timeout, read.UserId, read.GroupId, read.Umask));
    }

    [Fact]
    public void A_digest_of_another_length_is_refused() =>
        Refused(() => new V1.Digest { Sha256 = ByteString.CopyFrom(new byte[20]), SizeBytes = 1 }.ToCore(), "32 bytes");

    [Fact]
    public void A_size_that_is_not_the_digests_is_refused() =>
        Refused(
            () => new V1.InputFact { Path = "/a", File = new V1.FileFact { Digest = Content.ToWire(), SizeBytes = 8 } }.ToCore(), "size 8");

    [Theory]
    [InlineData("/a/../../etc/shadow", "'..'")]
    [InlineData("a", "not absolute")]
    public void An_output_at_a_bad_path_is_refused(string path, string reason) =>
        Refused(() => new V1.Output { Path = path, Deleted = new V1.OutputDeleted() }.ToCore(), reason);

    [Fact]
    public void A_fact_that_says_nothing_is_refused() => Refused(() => new V1.InputFact { Path = "/a" }.ToCore(), "says nothing");

    [Fact]
    public void A_command_without_a_program_is_refused() =>
        Refused(() => new V1.Command { WorkingDirectory = "/" }.ToCore(), "at least one argument");

    [Theory]
    [InlineData("")]
    [InlineData("A=B")]
    public void A_bad_name_in_the_environment_is_refused(string name) =>
        Refused(
            () => new V1.Command { Arguments = { "/t" }, WorkingDirectory = "/", Environment = { [name] = "x" } }.ToCore(), "environment");

    [Fact]
    public void A_failure_of_the_worker_is_thrown_with_its_code()
    {
        V1.Completed completed = new()
        {
            Failure = new V1.Failure { Code = V1.FailureCode.Exhausted, Message = "full" },
        };

        ReprException failure = Assert.Throws<ReprException>(() => completed.ToCore());

        Assert.Equal((ReprErrorCode.Exhausted, "full"), (failure.Code, failure.Message));
    }

    private static void Refused(Func<object> read, string reason)
    {
        ReprException refused = Assert.Throws<ReprException>(read);
        Assert.Equal(ReprErrorCode.InvalidRequest, refused.Code);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }
}
