using System.Text;
using Google.Protobuf;
using Repr.Protocol;

namespace Repr.Server.Tests.Sessions;

using Repr.Protocol.V1; // here, so that it hides the types of Repr with the same names

public sealed class InputSetTests(WorkerFixture worker) : IClassFixture<WorkerFixture>
{
    [Fact]
    public async Task Facts_and_variables_may_come_as_content()
    {
        await using TestRequester requester = await ConnectAsync(minor: 0);
        byte[] file = Encoding.UTF8.GetBytes($"content {Guid.NewGuid()}");
        await requester.UploadAsync(file);
        InputSet set = new()
        {
            Environment = { ["REPR_TEST"] = "from a set" },
            Facts =
            {
                new InputFact { Path = "/made-up", Directory = new DirectoryFact { Complete = true, Mode = 0x1ED } },
                new InputFact
                {
                    Path = "/made-up/file",
                    File = new FileFact { Digest = Repr.Digest.Compute(file).ToWire(), SizeBytes = file.Length, Mode = 0x1A4 },
                },
            },
        };
        Execute execute = TestRequester.Shell(1, "cat /made-up/file; echo; echo $REPR_TEST; ls /made-up");
        execute.InputSets.Add(await UploadAsync(requester, set));

        Completed completed = await requester.ExecuteAsync(execute);

        Assert.Equal(0, completed.Exit.Code);
        Assert.Equal($"{Encoding.UTF8.GetString(file)}\nfrom a set\nfile\n", Output(requester));
        Assert.DoesNotContain(requester.Questions, question => question.Path.StartsWith("/made-up", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_set_that_comes_with_an_action_is_in_the_store_then()
    {
        await using TestRequester requester = await ConnectAsync(minor: 3);
        byte[] content = new InputSet { Environment = { ["REPR_TEST"] = $"{Guid.NewGuid()}" } }.ToByteArray();
        Execute first = TestRequester.Shell(1, "echo $REPR_TEST");
        first.InputSets.Add(Repr.Digest.Compute(content).ToWire());
        first.AttachedSets.Add(ByteString.CopyFrom(content));
        Execute second = TestRequester.Shell(2, "echo $REPR_TEST");
        second.InputSets.Add(first.InputSets);

        Assert.Equal(0, (await requester.ExecuteAsync(first)).Exit.Code);
        Assert.Equal(0, (await requester.ExecuteAsync(second)).Exit.Code);

        string value = InputSet.Parser.ParseFrom(content).Environment["REPR_TEST"];
        Assert.Equal($"{value}\n{value}\n", Output(requester));
        Assert.Equal(content, await requester.DownloadAsync(first.InputSets[0]));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    public async Task A_set_that_comes_with_an_action_more_often_than_it_is_named_is_refused(int named, int attached)
    {
        await using TestRequester requester = await ConnectAsync(minor: 3);
        Execute execute = TestRequester.Shell(1, "true");
        ByteString set = new InputSet { Environment = { ["REPR_TEST"] = $"{Guid.NewGuid()}" } }.ToByteString();
        execute.InputSets.AddRange(Enumerable.Repeat(Repr.Digest.Compute(set.Span).ToWire(), named));
        execute.AttachedSets.AddRange(Enumerable.Repeat(set, attached));

        Failure failure = (await requester.ExecuteAsync(execute)).Failure;

        Assert.Equal(FailureCode.InvalidRequest, failure.Code);
        Assert.Contains("does not name it", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_set_that_is_not_in_the_store_ends_the_action_as_corrupt()
    {
        await using TestRequester requester = await ConnectAsync(minor: 0);
        Execute execute = TestRequester.Shell(1, "true");
        execute.InputSets.Add(Repr.Digest.Compute(Guid.NewGuid().ToByteArray()).ToWire());

        Assert.Equal(FailureCode.Corrupt, (await requester.ExecuteAsync(execute)).Failure.Code);
    }

    [Theory]
    [InlineData("no message at all")]
    [InlineData("")]
    public async Task A_set_that_is_none_ends_the_action_as_invalid(string text)
    {
        await using TestRequester requester = await ConnectAsync(minor: 0);
        byte[] content = text.Length == 0
            ? new InputSet { Facts = { new InputFact { Path = "/a/../b", Absent = new AbsentFact() } } }.ToByteArray()
            : Encoding.UTF8.GetBytes(text);
        await requester.UploadAsync(content);
        Execute execute = TestRequester.Shell(1, "true");
        execute.InputSets.Add(Repr.Digest.Compute(content).ToWire());

        Assert.Equal(FailureCode.InvalidRequest, (await requester.ExecuteAsync(execute)).Failure.Code);
    }

    [Fact]
    public async Task A_path_in_two_places_is_refused()
    {
        await using TestRequester requester = await ConnectAsync(minor: 0);
        InputSet set = new() { Facts = { new InputFact { Path = "/twice", Absent = new AbsentFact() } } };
        Execute execute = TestRequester.Shell(1, "true");
        execute.InputSets.Add(await UploadAsync(requester, set));
        execute.Inputs.Add(set.Facts[0].Clone());

        Failure failure = (await requester.ExecuteAsync(execute)).Failure;

        Assert.Equal(FailureCode.InvalidRequest, failure.Code);
        Assert.Contains("'/twice' twice", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_looked_at_comes_as_content_that_is_the_same_for_the_same_looks()
    {
        await using TestRequester requester = await ConnectAsync(minor: 1);

        Completed first = await requester.ExecuteAsync(TestRequester.Shell(1, "cat /etc/hostname-that-is-not-there; true"));
        Completed second = await requester.ExecuteAsync(TestRequester.Shell(2, "cat /etc/hostname-that-is-not-there; true"));

        Assert.Empty(first.ObservedInputs);
        Assert.Equal(first.ObservedSet, second.ObservedSet);
        ObservedSet observed = ObservedSet.Parser.ParseFrom(await requester.DownloadAsync(first.ObservedSet));
        Assert.Contains(
            observed.Inputs,
            input => input.Path == "/etc/hostname-that-is-not-there" && input.Kind == ObservedInput.Types.Kind.Absent);
        Assert.DoesNotContain(observed.Inputs, input => input.Path is "/dev" or "/proc"); // its sandbox's own, ready before or not
    }

    private static async Task<Protocol.V1.Digest> UploadAsync(TestRequester requester, InputSet set)
    {
        byte[] content = set.ToByteArray();
        await requester.UploadAsync(content);
        return Repr.Digest.Compute(content).ToWire();
    }

    private static string Output(TestRequester requester) => requester.TextOf(Text.Types.Stream.Stdout);

    private Task<TestRequester> ConnectAsync(uint minor)
    {
        Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
        return TestRequester.ConnectAsync(worker.Address, minor);
    }
}
