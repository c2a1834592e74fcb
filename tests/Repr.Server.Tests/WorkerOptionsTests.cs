namespace Repr.Server.Tests;

public sealed class WorkerOptionsTests
{
    [Theory]
    [InlineData("http://127.0.0.1:0", false, false, true)]
    [InlineData("http://127.0.0.1:0", false, true, true)]
    [InlineData("https://[::1]:0", true, false, true)]
    [InlineData("http://127.0.0.1:0", true, true, false)] // a certificate that nobody would see
    [InlineData("https://127.0.0.1:0", false, true, false)]
    [InlineData("http://0.0.0.0:0", false, false, false)]
    [InlineData("http://0.0.0.0:0", false, true, false)]
    [InlineData("https://0.0.0.0:0", true, false, false)]
    [InlineData("https://0.0.0.0:0", true, true, true)]
    public void Beyond_loopback_a_worker_needs_TLS_and_authentication(string listen, bool hasCertificate, bool isAuthenticating, bool isGood) =>
        Assert.Equal(isGood, new WorkerOptions { Listen = listen }.FindProblems(hasCertificate, isAuthenticating).Count == 0);

    [Theory]
    [InlineData("http://0.0.0.0:0", false, false, true, false)]
    [InlineData("https://0.0.0.0:0", true, false, true, false)]
    [InlineData("http://0.0.0.0:0", false, true, false, true)]
    public void Only_the_dangerous_option_that_fits_lets_it_do_without(
        string listen, bool hasCertificate, bool isAuthenticating, bool anyone, bool cleartext)
    {
        WorkerOptions told = new() { Listen = listen, DangerouslyAllowAnyone = anyone, DangerouslyAllowCleartext = cleartext };
        WorkerOptions wrong = new() { Listen = listen, DangerouslyAllowAnyone = cleartext, DangerouslyAllowCleartext = anyone };

        Assert.Empty(told.FindProblems(hasCertificate, isAuthenticating));
        Assert.Contains("--dangerously-", Assert.Single(wrong.FindProblems(hasCertificate, isAuthenticating)), StringComparison.Ordinal);
    }
}
