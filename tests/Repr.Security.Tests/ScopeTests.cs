using System.Security.Cryptography;
using System.Text;
using Repr.Protocol.Reapi;
using Repr.Protocol.V1;

namespace Repr.Security.Tests;

/// <summary>Who may call what, over TLS with tokens of a list: every method of every service.</summary>
public sealed class ScopeTests
{
    private static readonly string[] s_execute = [Scopes.Execute];
    private static readonly string[] s_read = [Scopes.CasRead, Scopes.Execute];
    private static readonly string[] s_write = [Scopes.CasWrite, Scopes.Execute];

    private static readonly Dictionary<string, string[]> s_allowed = new(StringComparer.Ordinal)
    {
        ["repr.v1.Sessions/Connect"] = s_execute,
        ["build.bazel.remote.execution.v2.Capabilities/GetCapabilities"] = [.. Scopes.All],
        ["build.bazel.remote.execution.v2.ContentAddressableStorage/FindMissingBlobs"] = [Scopes.CasRead, Scopes.CasWrite, Scopes.Execute],
        ["build.bazel.remote.execution.v2.ContentAddressableStorage/BatchUpdateBlobs"] = s_write,
        ["build.bazel.remote.execution.v2.ContentAddressableStorage/BatchReadBlobs"] = s_read,
        ["build.bazel.remote.execution.v2.ActionCache/GetActionResult"] = s_read,
        ["build.bazel.remote.execution.v2.ActionCache/UpdateActionResult"] = [Scopes.CasWrite],
        ["build.bazel.remote.execution.v2.Execution/Execute"] = s_execute,
        ["build.bazel.remote.execution.v2.Execution/WaitExecution"] = s_execute,
        ["google.bytestream.ByteStream/Read"] = s_read,
        ["google.bytestream.ByteStream/Write"] = s_write,
        ["google.bytestream.ByteStream/QueryWriteStatus"] = s_write,
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_method_lets_in_who_has_the_scope_for_it_and_nobody_else()
    {
        using SecureDirectory directory = new();
        Dictionary<string, string> tokens = Scopes.All.ToDictionary(scope => scope, _ => Convert.ToHexString(RandomNumberGenerator.GetBytes(16)));
        string list = directory.Write("tokens", string.Join('\n', tokens.Select(pair => $"only-{pair.Key} {pair.Key} {pair.Value}")));
        await using SecureWorker worker = await SecureWorker.StartAsync(directory.Path, directory.Authority, new
        {
            Tls = SecureWorker.Tls(directory.Authority),
            Authentication = new[] { new { Plugin = "token", Options = new { File = list } } },
        });

        foreach (string method in Methods())
        {
            Assert.True(s_allowed.TryGetValue(method, out string[]? allowed), $"{method} is new: who may call it?");
            Answer stranger = await worker.CallAsync(method);
            Assert.Equal(Answer.Unauthenticated, stranger.Status);
            Assert.Contains("neither a token nor a client certificate", stranger.Message, StringComparison.Ordinal);
            Assert.Equal(Answer.Unauthenticated, (await worker.CallAsync(method, "this-is-not-one-of-the-tokens")).Status);
            foreach ((string scope, string token) in tokens)
            {
                Answer answer = await worker.CallAsync(method, token);
                Assert.True(answer.IsLetIn == allowed.Contains(scope), $"{method} with {scope}: {answer.Status} {answer.Message}");
                if (!answer.IsLetIn)
                {
                    Assert.Equal(Answer.PermissionDenied, answer.Status);
                    Assert.Contains($"'only-{scope}' may not call '/{method}'", answer.Message, StringComparison.Ordinal);
                    Assert.Contains($"scope '{string.Join("' or '", allowed)}'", answer.Message, StringComparison.Ordinal);
                }
            }
        }

        // What no service has is not there for those who are known, and nothing at all for others.
        Assert.Equal(Answer.Unauthenticated, (await worker.CallAsync("some.Service/Method")).Status);
        Assert.Equal(Answer.Unimplemented, (await worker.CallAsync("some.Service/Method", tokens[Scopes.Admin])).Status);

        // Clients of others are told whether they may write results, before they try.
        ServerCapabilities reader = ServerCapabilities.Parser.ParseFrom((await worker.CallAsync(SecureWorker.Introduction, tokens[Scopes.CasRead])).Content);
        ServerCapabilities writer = ServerCapabilities.Parser.ParseFrom((await worker.CallAsync(SecureWorker.Introduction, tokens[Scopes.CasWrite])).Content);
        Assert.False(reader.CacheCapabilities.ActionCacheUpdateCapabilities.UpdateEnabled);
        Assert.True(writer.CacheCapabilities.ActionCacheUpdateCapabilities.UpdateEnabled);
        Assert.All(tokens.Values, token => Assert.DoesNotContain(token, worker.Log, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task The_list_of_tokens_may_hold_hashes_and_is_read_again_when_it_changes()
    {
        using SecureDirectory directory = new();
        string first = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        string second = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        string list = directory.Write("tokens", $"# one caller\nci execute,cas-write sha256:{Hash(first)}\n");
        await using SecureWorker worker = await SecureWorker.StartAsync(directory.Path, directory.Authority, new
        {
            Tls = SecureWorker.Tls(directory.Authority),
            Authentication = new[] { new { Plugin = "token", Options = new { File = list } } },
        });
        Assert.True((await worker.CallAsync(SecureWorker.Introduction, first)).IsLetIn);
        Assert.False((await worker.CallAsync(SecureWorker.Introduction, $"sha256:{Hash(first)}")).IsLetIn);
        Assert.False((await worker.CallAsync(SecureWorker.Introduction, second)).IsLetIn);

        directory.Write("tokens", $"ci execute {second}\n");
        await UntilAsync(async () => (await worker.CallAsync(SecureWorker.Introduction, second)).IsLetIn);
        Assert.False((await worker.CallAsync(SecureWorker.Introduction, first)).IsLetIn);

        // A list that means nothing lets nobody in, and the log says why without the token.
        directory.Write("tokens", $"ci run {second}\n");
        await UntilAsync(async () => !(await worker.CallAsync(SecureWorker.Introduction, second)).IsLetIn);
        await UntilAsync(() => Task.FromResult(worker.Log.Contains("line 1: 'run' is no scope", StringComparison.Ordinal)));
        Assert.DoesNotContain(second, worker.Log, StringComparison.OrdinalIgnoreCase);

        directory.Write("tokens", $"ci execute {second}\n");
        await UntilAsync(async () => (await worker.CallAsync(SecureWorker.Introduction, second)).IsLetIn);
    }

    internal static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        while (!await isSo())
        {
            await Task.Delay(50, Cancellation);
        }
    }

    private static string Hash(string token) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private static IEnumerable<string> Methods() => new[] { SessionReflection.Descriptor, RemoteExecutionReflection.Descriptor, BytestreamReflection.Descriptor }
        .SelectMany(static file => file.Services)
        .SelectMany(static service => service.Methods)
        .Select(static method => $"{method.Service.FullName}/{method.Name}");
}
