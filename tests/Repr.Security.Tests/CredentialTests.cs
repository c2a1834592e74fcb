using Repr.Security.Exec;
using Repr.Security.Tokens;

namespace Repr.Security.Tests;

/// <summary>What a requester shows: tokens of files, variables and programs.</summary>
public sealed class CredentialTests : IDisposable
{
    private static readonly Uri s_worker = new("https://build.example.com:7070/");

    private readonly SecureDirectory _directory = new();
    private readonly List<string> _warnings = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private PluginContext Context => new(TimeProvider.System, _warnings.Add);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_token_in_a_file_is_read_again_when_it_changes()
    {
        string file = _directory.Write("token", "first-token\n");
        ICredential credential = new TokenCredentialPlugin().Create(new TokenCredentialOptions { File = file }, Context);
        Assert.Equal([file], credential.SecretFiles);
        Assert.Equal("first-token", await credential.GetTokenAsync(s_worker, Cancellation));

        _directory.Write("token", "second-token");
        await ScopeTests.UntilAsync(async () => await credential.GetTokenAsync(s_worker, Cancellation) == "second-token");
        Assert.Empty(_warnings);
    }

    [Theory]
    [InlineData("")]
    [InlineData("two tokens")]
    [InlineData("a-token\r\nX-Header: injected")]
    public async Task What_cannot_be_a_token_is_told_without_it(string content)
    {
        ICredential credential = new TokenCredentialPlugin().Create(new TokenCredentialOptions { File = _directory.Write("token", content) }, Context);

        ReprException failure = await Assert.ThrowsAsync<ReprException>(async () => await credential.GetTokenAsync(s_worker, Cancellation));

        Assert.Equal(ReprErrorCode.Unauthenticated, failure.Code);
        Assert.Contains("token' cannot be used", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("two tokens", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_variable_must_say_that_it_is_secret()
    {
        Environment.SetEnvironmentVariable("REPR_TESTS_TOKEN", "of-a-variable");
        ICredential credential = new TokenCredentialPlugin().Create(new TokenCredentialOptions { Variable = "REPR_TESTS_TOKEN" }, Context);
        Assert.Equal("of-a-variable", await credential.GetTokenAsync(s_worker, Cancellation));

        TokenCredentialOptions open = new() { Variable = "WORKER_LOGIN" };
        Assert.Contains("could be passed to tools", Assert.Single(open.Validate(new(open))).ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Others_can_read_it_is_a_warning()
    {
        string file = _directory.Write("token", "a-token");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);

        ICredential credential = new TokenCredentialPlugin().Create(new TokenCredentialOptions { File = file }, Context);

        Assert.Equal("a-token", await credential.GetTokenAsync(s_worker, Cancellation));
        Assert.Contains("can be read by other users", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_is_asked_once_until_its_token_expires_or_is_not_known()
    {
        string calls = Path.Combine(_directory.Path, "calls");
        ICredential credential = Exec($"cat >> {calls}; echo >> {calls}; echo token-$(wc -l < {calls})");
        Assert.Equal("token-1", await credential.GetTokenAsync(s_worker, Cancellation));
        Assert.Equal("token-1", await credential.GetTokenAsync(s_worker, Cancellation));
        Assert.Equal("""{"uri":"https://build.example.com:7070"}""", (await File.ReadAllLinesAsync(calls, Cancellation))[0]);

        credential.Forget("another");
        Assert.Equal("token-1", await credential.GetTokenAsync(s_worker, Cancellation));
        credential.Forget("token-1");
        Assert.Equal("token-2", await credential.GetTokenAsync(s_worker, Cancellation));
        Assert.Equal("token-3", await credential.GetTokenAsync(new Uri("https://other.example.com"), Cancellation));
    }

    [Fact]
    public async Task A_credential_helper_as_Bazel_has_them_does_too()
    {
        string calls = Path.Combine(_directory.Path, "calls");
        string expired = DateTimeOffset.UtcNow.AddSeconds(5).ToString("O");
        ICredential credential = Exec(
            $$"""echo >> {{calls}}; echo '{"headers":{"Authorization":["Bearer helped"]},"expires":"{{expired}}"}'""");

        Assert.Equal("helped", await credential.GetTokenAsync(s_worker, Cancellation));
        Assert.Equal("helped", await credential.GetTokenAsync(s_worker, Cancellation));
        Assert.Equal(2, File.ReadLines(calls).Count()); // it expires too soon to be kept
    }

    [Theory]
    [InlineData("exit 3", "ended with exit code 3")]
    [InlineData("exec sleep 100", "did not end within 1 s")]
    [InlineData("echo 'my secret answer'", "wrote neither a token nor the JSON")]
    [InlineData("""echo '{"headers":{}}'""", "wrote no header")]
    [InlineData("""echo '{"headers":{"Authorization":"x"}}'""", "wrote neither a token nor the JSON")]
    public async Task A_program_that_fails_is_told_without_what_it_wrote(string script, string why)
    {
        ReprException failure = await Assert.ThrowsAsync<ReprException>(async () => await Exec(script).GetTokenAsync(s_worker, Cancellation));

        Assert.Equal(ReprErrorCode.Unauthenticated, failure.Code);
        Assert.Contains(why, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", failure.Message, StringComparison.Ordinal);
    }

    private ICredential Exec(string script) => new ExecCredentialPlugin().Create(
        new ExecCredentialOptions { Command = "/bin/sh", Arguments = ["-c", script], TimeoutSeconds = 1 }, Context);
}
