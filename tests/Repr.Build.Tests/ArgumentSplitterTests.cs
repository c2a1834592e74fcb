using System.Diagnostics;

namespace Repr.Build.Tests;

/// <summary>The runtime's own splitting is the measure.</summary>
public sealed class ArgumentSplitterTests
{
    [Theory]
    [InlineData("-c \". /tmp/x.exec.cmd\"")]
    [InlineData("-c \"export LANG=en_US.UTF-8; . '/tmp/a b.cmd'\"")]
    [InlineData("  a\tb  \"\" c")]
    [InlineData("\"say \"\"hello\"\"\" \\\"x\\\" \\\\\"y\\\\\" z\\")]
    [InlineData("a\\b \"c d\\\\\" e\"f\"g")]
    public async Task Arguments_are_those_that_a_process_gets(string arguments)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The rules are those of Unix.");
        string program = Path.Combine(AppContext.BaseDirectory, "show-arguments.sh");
        await File.WriteAllTextAsync(program, "#!/bin/sh\nfor a in \"$@\"; do printf '%s\\n' \"[$a]\"; done\n", TestContext.Current.CancellationToken);
        using Process process = Process.Start(new ProcessStartInfo("/bin/sh", $"{program} {arguments}") { RedirectStandardOutput = true })!;
        string shown = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(shown, string.Concat(ArgumentSplitter.Split(arguments).Select(argument => $"[{argument}]\n")));
    }
}
