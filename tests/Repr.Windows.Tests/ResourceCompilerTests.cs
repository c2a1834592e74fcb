using Repr.Driver.Tests;
using static Repr.Protocol.V1.FileQuestion.Types;
using Outcome = Repr.Windows.Tests.WindowsRequester.Outcome;

namespace Repr.Windows.Tests;

/// <summary>A tool that others made: rc.exe of the Windows SDK, by a requester's path, with its DLLs, includes and temporary files.</summary>
public sealed class ResourceCompilerTests(WindowsWorker worker) : IClassFixture<WindowsWorker>
{
    private const string Source =
        """
        #include "..\inc\version.h"
        1 VERSIONINFO FILEVERSION VERSION_NUMBERS
        BEGIN
          BLOCK "StringFileInfo"
          BEGIN
            BLOCK "040904b0" BEGIN VALUE "ProductName", "Repr sample" VALUE "FileVersion", VERSION_TEXT END
          END
        END
        STRINGTABLE BEGIN 1 "first" 2 VERSION_TEXT END
        LOGO RCDATA "logo.bin"
        """;

    private static readonly string[] s_arguments = ["/nologo", "/fo", @"C:\proj\res\app.res", @"C:\proj\res\app.rc"];

    [Fact]
    public async Task Its_output_is_the_same_byte_by_byte_as_that_of_a_local_run()
    {
        await using WindowsRequester requester = await WindowsRequester.ConnectAsync(worker.Address);
        byte[] logo = new byte[100_000];
        new Random(1).NextBytes(logo);
        (string Path, byte[] Content)[] files =
        [
            (@"C:\proj\res\app.rc", System.Text.Encoding.ASCII.GetBytes(Source.ReplaceLineEndings("\r\n") + "\r\n")),
            (@"C:\proj\inc\version.h", "#define VERSION_NUMBERS 1,2,3,4\r\n#define VERSION_TEXT \"1.2.3.4\"\r\n"u8.ToArray()),
            (@"C:\proj\inc\unused.h", new byte[1 << 20]),
            (@"C:\proj\res\logo.bin", logo),
            .. WindowsBuild.ResourceCompiler.Select(static file => ($@"C:\kit\{Path.GetFileName(file)}", File.ReadAllBytes(file))),
        ];
        await using WinePrefix local = await WinePrefix.CreateAsync(standIns: false);
        foreach ((string path, byte[] content) in files)
        {
            requester.Add(path, content);
            Directory.CreateDirectory(Path.GetDirectoryName(local.Local(path))!);
            await File.WriteAllBytesAsync(local.Local(path), content, TestContext.Current.CancellationToken);
        }

        Ended locally = await local.RunAsync(@"C:\kit\rc.exe", s_arguments, local.Local(@"C:\proj\res"));
        Outcome remotely = await requester.RunAsync(
            WindowsRequester.Command(@"C:\kit\rc.exe", @"C:\proj\res", s_arguments, @"C:\proj"),
            await requester.MapAsync(@"C:\proj\res\app.rc"), await requester.MapAsync(@"C:\kit\rc.exe"), await requester.MapAsync(@"C:\kit\rcdll.dll"));

        Assert.Equal(0, locally.ExitCode);
        Assert.Equal(0, remotely.Code);
        byte[] expected = await File.ReadAllBytesAsync(local.Local(@"C:\proj\res\app.res"), TestContext.Current.CancellationToken);
        Assert.True(expected.Length > logo.Length);
        Assert.Equal(["/C:/proj/res/app.res"], remotely.Contents.Keys);
        Assert.Equal(expected, remotely.Contents["/C:/proj/res/app.res"]);
        Assert.Empty(remotely.Completed.UndeclaredWrites);

        string[] asked = remotely.Asked(Kind.Content);
        Assert.Contains("/C:/proj/inc/version.h", asked);
        Assert.Contains("/C:/proj/res/logo.bin", asked);
        Assert.DoesNotContain("/C:/proj/inc/unused.h", asked);
        Assert.False(Directory.Exists(worker.Wine.Local(@"C:\proj")));
        Assert.False(Directory.Exists(worker.Wine.Local(@"C:\kit")));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"rc.exe: 3 files mapped; asked back {asked.Length} contents ({string.Join(' ', asked)}) in {remotely.Completed.Questions} questions; "
            + worker.Log.Split('\n').Last(static line => line.Contains("files hydrated", StringComparison.Ordinal)).Trim());
    }
}
