using Google.Protobuf;
using Grpc.Core;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Tests.Services;
using CoreDigest = Repr.Digest;
using ReapiAction = Repr.Protocol.Reapi.Action;
using ReapiDirectory = Repr.Protocol.Reapi.Directory;
using RpcStatus = Repr.Protocol.Reapi.Status;

namespace Repr.Server.Tests.Reapi;

/// <summary>What a client can get wrong, and what it may forget to upload.</summary>
public sealed class ExecutionInputTests(ReapiWorkerFixture worker) : IClassFixture<ReapiWorkerFixture>, IDisposable
{
    private readonly ReapiClient _client = new(worker);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _client.Dispose();

    [Theory]
    [InlineData("action")]
    [InlineData("command")]
    [InlineData("/")]
    [InlineData("/a/b")]
    [InlineData("a/b/file", "x", "command")]
    public async Task Each_missing_blob_is_named(params string[] missing)
    {
        List<string> expected = [];
        CoreDigest action = await Several().UploadAsync(_client, (name, digest) =>
        {
            if (!missing.Contains(name))
            {
                return false;
            }

            expected.Add($"blobs/{digest.HashText}/{digest.SizeBytes}");
            return true;
        });

        RpcException failure = await ReapiClient.AssertFailsAsync(StatusCode.FailedPrecondition, () => TestExecution.RunAsync(_client, action));

        RpcStatus status = RpcStatus.Parser.ParseFrom(failure.Trailers.GetValueBytes("grpc-status-details-bin"));
        Assert.Equal((int)StatusCode.FailedPrecondition, status.Code);
        PreconditionFailure details = Assert.Single(status.Details).Unpack<PreconditionFailure>();
        Assert.All(details.Violations, violation => Assert.Equal("MISSING", violation.Type));
        Assert.Equal(expected.Order(), details.Violations.Select(violation => violation.Subject).Order());
    }

    [Fact]
    public async Task An_action_whose_missing_blobs_have_come_runs()
    {
        TestAction action = Several();
        CoreDigest digest = await action.UploadAsync(_client, (name, _) => name is "/a/b" or "a/b/file");
        await ReapiClient.AssertFailsAsync(StatusCode.FailedPrecondition, () => TestExecution.RunAsync(_client, digest));

        await action.UploadAsync(_client);

        Assert.Equal(0, (await TestExecution.RunAsync(_client, digest)).Result.ExitCode);
    }

    public static TheoryData<string, string> Malformed => new()
    {
        { "no arguments", "no arguments" },
        { "absolute output", "is not relative" },
        { "output beside the input root", "leads out of the input root" },
        { "working directory that is absent", "is not in the input root" },
        { "working directory that is a file", "is not in the input root" },
        { "working directory outside", "leads out of the input root" },
        { "name with a slash", "not a file name" },
        { "name that goes up", "'..'" },
        { "name that occurs twice", "two entries" },
        { "link without a target", "no target" },
        { "digest that is none", "not a SHA-256 digest" },
        { "negative timeout", "timeout" },
        { "variable without a name", "environment variable" },
        { "node property", "'mtime'" },
        { "directory that is none", "is not a Directory" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task What_is_malformed_is_an_invalid_argument_that_says_so(string what, string said)
    {
        TestAction action = TestAction.Shell("true").File("file", "content");
        ReapiDirectory? root = null;
        FileNode node = new() { Digest = CoreDigest.Empty.ToReapi() };
        switch (what)
        {
            case "no arguments": action.Command.Arguments.Clear(); break;
            case "absolute output": action.Command.OutputFiles.Add("/out"); break;
            case "output beside the input root": action.Outputs("../out"); break;
            case "working directory that is absent": action.Command.WorkingDirectory = "absent"; break;
            case "working directory that is a file": action.Command.WorkingDirectory = "file"; break;
            case "working directory outside": action.Command.WorkingDirectory = "../usr"; break;
            case "negative timeout": action.Within(TimeSpan.FromSeconds(-1)); break;
            case "variable without a name": action.Variable("", "x"); break;
            case "node property": action.Command.OutputNodeProperties.Add("mtime"); break;
            case "name with a slash": root = new() { Files = { new FileNode(node) { Name = "a/b" } } }; break;
            case "name that goes up": root = new() { Files = { new FileNode(node) { Name = ".." } } }; break;
            case "name that occurs twice": root = new() { Files = { new FileNode(node) { Name = "a" } }, Symlinks = { new SymlinkNode { Name = "a", Target = "b" } } }; break;
            case "link without a target": root = new() { Symlinks = { new SymlinkNode { Name = "a" } } }; break;
            case "digest that is none": root = new() { Files = { new FileNode { Name = "a", Digest = new() { Hash = "abc" } } } }; break;
        }

        CoreDigest digest = await action.UploadAsync(_client);
        if (root is not null)
        {
            digest = await WithRootAsync(action.Action, await _client.PutAsync(root.ToByteArray()));
        }
        else if (what == "directory that is none")
        {
            digest = await WithRootAsync(action.Action, await _client.PutAsync([0xff, 1, 2]));
        }

        RpcException failure = await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => TestExecution.RunAsync(_client, digest));
        Assert.Contains(said, failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_names_no_action_of_ours_is_an_invalid_argument()
    {
        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => SendAsync(new ExecuteRequest()));
        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => SendAsync(new ExecuteRequest
        {
            ActionDigest = CoreDigest.Empty.ToReapi(),
            DigestFunction = DigestFunction.Types.Value.Blake3,
        }));
        CoreDigest noise = await _client.PutAsync([0xff, .. ReapiClient.NewContent(20)]);
        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => TestExecution.RunAsync(_client, noise));
    }

    // 2^40 directories in forty blobs.
    [Fact]
    public async Task A_tree_that_unfolds_without_end_is_refused()
    {
        CoreDigest directory = await _client.PutAsync(new ReapiDirectory().ToByteArray());
        for (int i = 0; i < 40; i++)
        {
            ReapiDirectory parent = new()
            {
                Directories = { new[] { "a", "b" }.Select(name => new DirectoryNode { Name = name, Digest = directory.ToReapi() }) },
            };
            directory = await _client.PutAsync(parent.ToByteArray());
        }

        TestAction action = TestAction.Shell("true");
        await action.UploadAsync(_client);

        RpcException failure = await ReapiClient.AssertFailsAsync(
            StatusCode.InvalidArgument, async () => await TestExecution.RunAsync(_client, await WithRootAsync(action.Action, directory)));
        Assert.Contains("more than", failure.Status.Detail, StringComparison.Ordinal);
    }

    private static TestAction Several() => TestAction.Shell("cat a/b/file x").File("a/b/file", $"f {Guid.NewGuid()}").File("x", $"x {Guid.NewGuid()}").Variable("UNIQUE", $"{Guid.NewGuid()}");

    private async Task<CoreDigest> WithRootAsync(ReapiAction action, CoreDigest root)
    {
        action.InputRootDigest = root.ToReapi();
        return await _client.PutAsync(action.ToByteArray());
    }

    private async Task SendAsync(ExecuteRequest request)
    {
        using AsyncServerStreamingCall<Operation> call = _client.Execution.Execute(request, cancellationToken: Cancellation);
        await call.ResponseStream.MoveNext(Cancellation);
    }
}
