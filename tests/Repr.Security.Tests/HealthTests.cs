namespace Repr.Security.Tests;

/// <summary>Who asks whether a worker is well needs no token, and gets nothing else for it.</summary>
public sealed class HealthTests
{
    [Fact]
    public async Task Everybody_may_ask_whether_it_is_well()
    {
        using SecureDirectory directory = new();
        string list = directory.Write("tokens", "alice execute 0123456789abcdef0123");
        await using SecureWorker worker = await SecureWorker.StartAsync(directory.Path, directory.Authority, new
        {
            Tls = SecureWorker.Tls(directory.Authority),
            Authentication = new[] { new { Plugin = "token", Options = new { File = list } } },
        });

        Answer answer = await worker.CallAsync("grpc.health.v1.Health/Check");

        Assert.Equal(0, answer.Status);
        Assert.Equal([0x08, 0x01], answer.Content); // field 1, SERVING
        Assert.Equal(Answer.Unauthenticated, (await worker.CallAsync(SecureWorker.Introduction)).Status);
    }
}
