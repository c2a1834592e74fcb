using Grpc.Core;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using WireActionResult = Repr.Protocol.Reapi.ActionResult;
using WireDigest = Repr.Protocol.Reapi.Digest;

namespace Repr.Server.Tests.Services;

public sealed class ActionCacheCrashTests(ReapiFixture server) : IClassFixture<ReapiFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(32)]
    [InlineData(40)]
    public async Task A_result_that_a_crash_cut_or_zeroed_is_not_found(int length)
    {
        WireDigest action = Digest.Compute(BitConverter.GetBytes(length)).ToReapi();
        await server.Results.UpdateActionResultAsync(
            new UpdateActionResultRequest { ActionDigest = action, ActionResult = new WireActionResult { ExitCode = 1 } },
            cancellationToken: Cancellation);
        Assert.Equal(1, (await GetAsync(action)).ExitCode);
        string file = System.IO.Directory.GetFiles(server.ActionCachePath, action.Hash, SearchOption.AllDirectories).Single();

        await File.WriteAllBytesAsync(file, new byte[length], Cancellation);

        RpcException exception = await Assert.ThrowsAsync<RpcException>(() => GetAsync(action));
        Assert.Equal(StatusCode.NotFound, exception.StatusCode);
    }

    private async Task<WireActionResult> GetAsync(WireDigest action) => await server.Results.GetActionResultAsync(
        new GetActionResultRequest { ActionDigest = action }, cancellationToken: Cancellation);
}
