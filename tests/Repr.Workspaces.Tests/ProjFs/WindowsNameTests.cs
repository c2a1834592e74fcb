using Repr.Workspaces.ProjFs;

namespace Repr.Workspaces.Tests.ProjFs;

public sealed class WindowsNameTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("a b.txt")]
    [InlineData(".gitignore")]
    [InlineData("...x")]
    [InlineData("console")]
    [InlineData("com")]
    [InlineData("com10")]
    [InlineData("null.txt")]
    [InlineData("日本.txt")]
    [InlineData("~$[]{}!#%&'()+,;=@^`-_")]
    public void Names_of_files_are_taken(string name) => Assert.True(WindowsName.IsValid(name));

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a.")]
    [InlineData("a ")]
    [InlineData("a:b")]
    [InlineData("a::$DATA")]
    [InlineData("a\\b")]
    [InlineData("a/b")]
    [InlineData("a*")]
    [InlineData("a?")]
    [InlineData("a\"b")]
    [InlineData("a<b")]
    [InlineData("a>b")]
    [InlineData("a|b")]
    [InlineData("a\tb")]
    [InlineData("CON")]
    [InlineData("nul")]
    [InlineData("Aux.h")]
    [InlineData("prn .txt")]
    [InlineData("com1")]
    [InlineData("LPT9.tar.gz")]
    [InlineData("COM²")]
    [InlineData("conin$")]
    public void Names_that_mean_something_else_are_not(string name) => Assert.False(WindowsName.IsValid(name));

    [Theory]
    [InlineData("C", true)]
    [InlineData("z", true)]
    [InlineData("C:", false)]
    [InlineData("1", false)]
    [InlineData("ä", false)]
    [InlineData("", false)]
    public void A_drive_is_one_letter(string name, bool expected) => Assert.Equal(expected, WindowsName.IsDrive(name));
}
