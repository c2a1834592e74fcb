using Google.Protobuf;
using Grpc.Core;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Tests.Sessions;
using CoreDigest = Repr.Digest;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;
using ReapiDirectory = Repr.Protocol.Reapi.Directory;

namespace Repr.Server.Tests.Services;

public sealed class ActionCacheServiceTests(WorkerFixture worker) : IClassFixture<WorkerFixture>, IDisposable
{
    private readonly ReapiClient _client = new(worker);
    private readonly CoreDigest _action = CoreDigest.Compute(ReapiClient.NewContent(100));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task A_result_whose_blobs_are_here_is_found()
    {
        ReapiActionResult result = new()
        {
            ExitCode = 3,
            StdoutRaw = ByteString.CopyFromUtf8("hello"),
            StderrDigest = (await _client.PutAsync(ReapiClient.NewContent(10))).ToReapi(),
            OutputFiles =
            {
                new OutputFile { Path = "out", Digest = (await _client.PutAsync(ReapiClient.NewContent(10))).ToReapi(), IsExecutable = true },
                new OutputFile { Path = "empty", Digest = CoreDigest.Empty.ToReapi() },
            },
        };

        await UpdateAsync(result);

        Assert.Equal(result, await GetAsync());
    }

    [Fact]
    public Task An_unknown_action_has_no_result() => ReapiClient.AssertFailsAsync(StatusCode.NotFound, GetAsync);

    [Fact]
    public async Task A_result_with_a_missing_output_is_not_found_until_it_comes()
    {
        byte[] content = ReapiClient.NewContent(10);
        await UpdateAsync(new ReapiActionResult { OutputFiles = { new OutputFile { Path = "out", Digest = CoreDigest.Compute(content).ToReapi() } } });
        await ReapiClient.AssertFailsAsync(StatusCode.NotFound, GetAsync);

        await _client.PutAsync(content);

        Assert.Single((await GetAsync()).OutputFiles);
    }

    [Fact]
    public async Task A_result_with_missing_text_is_not_found()
    {
        await UpdateAsync(new ReapiActionResult { StdoutDigest = CoreDigest.Compute(ReapiClient.NewContent(10)).ToReapi() });

        await ReapiClient.AssertFailsAsync(StatusCode.NotFound, GetAsync);
    }

    [Fact]
    public async Task A_result_with_a_tree_is_found_when_the_tree_and_its_files_are_here()
    {
        byte[] content = ReapiClient.NewContent(10);
        byte[] tree = new Tree
        {
            Root = new ReapiDirectory { Files = { new FileNode { Name = "empty", Digest = CoreDigest.Empty.ToReapi() } } },
            Children = { new ReapiDirectory { Files = { new FileNode { Name = "f", Digest = CoreDigest.Compute(content).ToReapi() } } } },
        }.ToByteArray();
        await UpdateAsync(new ReapiActionResult
        {
            OutputDirectories = { new OutputDirectory { Path = "dir", TreeDigest = CoreDigest.Compute(tree).ToReapi() } },
        });

        await ReapiClient.AssertFailsAsync(StatusCode.NotFound, GetAsync);
        await _client.PutAsync(tree);
        await ReapiClient.AssertFailsAsync(StatusCode.NotFound, GetAsync);
        await _client.PutAsync(content);

        Assert.Single((await GetAsync()).OutputDirectories);
    }

    [Fact]
    public async Task A_tree_that_is_none_is_not_found()
    {
        CoreDigest noise = await _client.PutAsync([0xff, .. ReapiClient.NewContent(50)]);
        await UpdateAsync(new ReapiActionResult { OutputDirectories = { new OutputDirectory { Path = "dir", TreeDigest = noise.ToReapi() } } });

        await ReapiClient.AssertFailsAsync(StatusCode.NotFound, GetAsync);
    }

    [Fact]
    public async Task The_last_result_counts()
    {
        await UpdateAsync(new ReapiActionResult { ExitCode = 1 });
        await UpdateAsync(new ReapiActionResult { ExitCode = 2 });

        Assert.Equal(2, (await GetAsync()).ExitCode);
    }

    [Fact]
    public async Task A_result_that_names_what_is_no_digest_is_refused_and_not_kept()
    {
        await ReapiClient.AssertFailsAsync(
            StatusCode.InvalidArgument, () => UpdateAsync(new ReapiActionResult { OutputFiles = { new OutputFile { Path = "out" } } }));
        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => UpdateAsync(null));

        await ReapiClient.AssertFailsAsync(StatusCode.NotFound, GetAsync);
    }

    [Fact]
    public async Task An_action_that_is_no_digest_is_refused()
    {
        Protocol.Reapi.Digest action = new() { Hash = "../../../etc/passwd", SizeBytes = 1 };

        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, async () => await _client.Results.GetActionResultAsync(
            new GetActionResultRequest { ActionDigest = action }, cancellationToken: Cancellation));
        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, async () => await _client.Results.UpdateActionResultAsync(
            new UpdateActionResultRequest { ActionDigest = action, ActionResult = new() }, cancellationToken: Cancellation));
    }

    private async Task UpdateAsync(ReapiActionResult? result) => await _client.Results.UpdateActionResultAsync(
        new UpdateActionResultRequest { ActionDigest = _action.ToReapi(), ActionResult = result }, cancellationToken: Cancellation);

    private async Task<ReapiActionResult> GetAsync() => await _client.Results.GetActionResultAsync(
        new GetActionResultRequest { ActionDigest = _action.ToReapi() }, cancellationToken: Cancellation);
}
