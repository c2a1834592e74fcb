using Repr.Requester.Files;

namespace Repr.Requester.Tests.Files;

public sealed class ReadPolicyTests
{
    private readonly ReadPolicy _policy = new([VirtualPath.Parse("/src/out"), VirtualPath.Parse("/pkg")], [VirtualPath.Parse("/src/out/token"), VirtualPath.Parse("/home/ana/token")]);

    [Theory]
    [InlineData("/src/out", "Served")]
    [InlineData("/src/out/a.cs", "Served")]
    [InlineData("/src/outevil", "WayOnly")]
    [InlineData("/src/outevil/a.cs", "WayOnly")]
    [InlineData("/src", "WayOnly")]
    [InlineData("/src/out/.git", "EntryOnly")]
    [InlineData("/src/out/.git/config", "Denied")]
    [InlineData("/src/out/key.pfx", "EntryOnly")]
    [InlineData("/src/out/KEY.PFX", "EntryOnly")]
    [InlineData("/src/out/.pfx", "EntryOnly")]
    [InlineData("/src/out/server.pem", "EntryOnly")]
    [InlineData("/src/out/server.pem.cs", "Served")]
    [InlineData("/src/out/store.p12", "EntryOnly")]
    [InlineData("/src/out/store.JKS", "EntryOnly")]
    [InlineData("/src/out/store.keystore", "EntryOnly")]
    [InlineData("/src/out/id_ed25519.pub", "EntryOnly")]
    [InlineData("/src/out/ID_RSA", "EntryOnly")]
    [InlineData("/src/out/.ENV.local", "EntryOnly")]
    [InlineData("/src/out/x.env", "Served")]
    [InlineData("/src/out/NuGet.Config", "EntryOnly")]
    [InlineData("/src/out/Depot.Model.AssemblyInfo.cs", "Served")]
    [InlineData("/src/out/token", "EntryOnly")]
    [InlineData("/src/out/token.cs", "Served")]
    [InlineData("/home/ana/token", "Denied")]
    [InlineData("/src/out/.env", "EntryOnly")]
    [InlineData("/src/out/.env.production", "EntryOnly")]
    [InlineData("/src/out/id_rsa", "EntryOnly")]
    [InlineData("/src/out/id_generator.cs", "Served")]
    [InlineData("/src/out/secrets.json", "EntryOnly")]
    [InlineData("/src/out/.ssh/known_hosts", "Denied")]
    [InlineData("/usr/share/dotnet/dotnet", "Served")]
    [InlineData("/lib64/ld-linux-x86-64.so.2", "Served")]
    [InlineData("/etc/passwd", "Served")]
    [InlineData("/etc/passwd-", "WayOnly")]
    [InlineData("/etc/shadow", "Denied")]
    [InlineData("/etc/shadow-", "Denied")]
    [InlineData("/etc/ssl/certs/ca.pem", "Served")]
    [InlineData("/etc/ssl/private/key", "Denied")]
    [InlineData("/etc/hosts", "WayOnly")]
    [InlineData("/etc/python3.11/sitecustomize.py", "Served")]
    [InlineData("/opt", "Served")]
    [InlineData("/opt/licence.txt", "WayOnly")]
    [InlineData("/opt/vendor", "WayOnly")]
    [InlineData("/optional", "WayOnly")]
    [InlineData("/proc/self/environ", "Denied")]
    [InlineData("/sys/kernel", "Denied")]
    [InlineData("/dev/mem", "Denied")]
    [InlineData("/run/secrets", "Denied")]
    [InlineData("/root/.aws/credentials", "Denied")]
    [InlineData("/home/ana/notes.txt", "WayOnly")]
    public void A_path_is_judged(string path, string verdict) =>
        Assert.Equal(verdict, _policy.Judge(VirtualPath.Parse(path)).ToString());

    [Fact]
    public void A_declared_input_passes_the_deny_list()
    {
        VirtualPath key = VirtualPath.Parse("/home/ana/.ssh/key.pfx");
        _policy.AddInput(key);

        Assert.Equal(ReadVerdict.Served, _policy.Judge(key));
        Assert.Equal(ReadVerdict.Denied, _policy.Judge(VirtualPath.Parse("/home/ana/.ssh/other")));
    }

    [Fact]
    public void A_root_that_allows_everything_does_not_allow_what_is_denied()
    {
        ReadPolicy policy = new([VirtualPath.Root], []);

        Assert.Equal(ReadVerdict.Denied, policy.Judge(VirtualPath.Parse("/proc/1/environ")));
        Assert.Equal(ReadVerdict.Denied, policy.Judge(VirtualPath.Parse("/etc/gshadow")));
        Assert.Equal(ReadVerdict.Served, policy.Judge(VirtualPath.Parse("/home/ana/a.cs")));
    }
}
