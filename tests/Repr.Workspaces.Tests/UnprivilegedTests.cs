using System.Runtime.Versioning;
using Repr.Driver.Tests;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces.Tests;

/// <summary>The same suites as an ordinary user, who has no privilege outside the namespaces he makes.</summary>
[SupportedOSPlatform("linux")]
public sealed class UnprivilegedTests
{
    private const string Nobody = "65534";

    [Theory]
    [InlineData("Repr.Workspaces.Tests.Fuse.FuseWorkspaceProviderTests")]
    [InlineData("Repr.Workspaces.Tests.Fuse.FuseMountTests")]
    [InlineData("Repr.Workspaces.Tests.Fuse.SpareSandboxTests")]
    [InlineData("Repr.Workspaces.Tests.Resident.ResidentToolTests")]
    [InlineData("Repr.Workspaces.Tests.Copying.CopyingWorkspaceProviderTests")]
    [InlineData("Repr.Workspaces.Tests.Contract.FuseContractTests")]
    [InlineData("Repr.Workspaces.Tests.Contract.CopyingContractTests")]
    public async Task An_ordinary_user_gets_the_same_workspace(string suite)
    {
        Assert.SkipUnless(LauncherNative.GetEffectiveUserId() == 0, "The tests run as an ordinary user already.");
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "setpriv (util-linux) is not installed.");
        bool open = File.GetUnixFileMode("/dev/fuse").HasFlag(UnixFileMode.OtherRead | UnixFileMode.OtherWrite);
        Assert.SkipUnless(
            open || suite.Contains("Copying", StringComparison.Ordinal), "/dev/fuse is closed to ordinary users here (chmod 666 opens it).");

        DirectoryInfo copy = Directory.CreateTempSubdirectory("repr-unprivileged-");
        try
        {
            (await ExternalProgram.RunAsync("cp", ["-rT", AppContext.BaseDirectory, copy.FullName])).WithSuccess();
            (await ExternalProgram.RunAsync("chmod", ["-R", "a+rX", copy.FullName])).WithSuccess();

            Ended ended = await ExternalProgram.RunAsync(
                "setpriv",
                [
                    "--reuid", Nobody, "--regid", Nobody, "--clear-groups", "env", "HOME=/tmp",
                    Path.Combine(copy.FullName, "Repr.Workspaces.Tests"), "-noColor", "-class", suite,
                ],
                directory: copy.FullName); // which the user may enter

            Assert.Contains("Skipped: 0", ended.WithSuccess().Text, StringComparison.Ordinal);
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }
}
