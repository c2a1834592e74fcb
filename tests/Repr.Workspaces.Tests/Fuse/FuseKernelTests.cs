using Repr.Workspaces.Fuse;

namespace Repr.Workspaces.Tests.Fuse;

public sealed class FuseKernelTests
{
    [Theory]
    [InlineData("5.15.0", false)]
    [InlineData("6.12.65", false)]
    [InlineData("6.12.66", true)]
    [InlineData("6.13.200", false)]
    [InlineData("6.18.5", false)]
    [InlineData("6.18.6", true)]
    [InlineData("6.19", true)]
    [InlineData("7.0.1", true)]
    public void Files_are_opened_without_a_message_by_kernels_without_the_defects(string kernel, bool isGood) =>
        Assert.Equal(isGood, FuseKernel.IsGoodAtOpening(Version.Parse(kernel)));
}
