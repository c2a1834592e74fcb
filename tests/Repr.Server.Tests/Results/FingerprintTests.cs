using Microsoft.Extensions.Logging.Abstractions;
using Repr.Protocol.V1;
using Repr.Server.Execution;
using Repr.Server.Reapi;
using Repr.Server.Results;
using CoreCommand = Repr.Command;
using CoreDigest = Repr.Digest;
using CoreFileFact = Repr.FileFact;
using PathSet = Repr.Server.Results.PathSet;

namespace Repr.Server.Tests.Results;

public sealed class FingerprintTests : IDisposable
{
    private static readonly CoreCommand s_command = new()
    {
        Arguments = ["/usr/bin/cc", "@flags.rsp", "x.c"],
        WorkingDirectory = VirtualPath.Parse("/p"),
        Environment = new Dictionary<string, string> { ["A"] = "1", ["B"] = "2" },
        OutputRoots = [VirtualPath.Parse("/p/out"), VirtualPath.Parse("/p/obj")],
    };

    private readonly string _directory = Directory.CreateTempSubdirectory("repr-index-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Order_that_means_nothing_changes_nothing() => Assert.Equal(
        Weak(s_command),
        Weak(s_command with
        {
            Environment = new Dictionary<string, string> { ["B"] = "2", ["A"] = "1" },
            OutputRoots = [.. s_command.OutputRoots.Reverse()],
        }));

    [Fact]
    public void Whatever_a_tool_can_see_of_its_command_makes_another()
    {
        CoreCommand[] commands =
        [
            s_command,
            s_command with { Arguments = ["/usr/bin/cc", "@flags.rsp", "x.c", ""] },
            s_command with { Arguments = ["/usr/bin/cc", "@flags.rspx", ".c"] },
            s_command with { ProgramPath = VirtualPath.Parse("/usr/bin/gcc") },
            s_command with { WorkingDirectory = VirtualPath.Parse("/q") },
            s_command with { Environment = new Dictionary<string, string> { ["A"] = "1", ["B"] = "3" } },
            s_command with { Environment = new Dictionary<string, string> { ["A"] = "1B", ["B"] = "2" } },
            s_command with { OutputRoots = [VirtualPath.Parse("/p/out")] },
            s_command with { UserId = 1 },
            s_command with { GroupId = 1 },
            s_command with { Umask = 0 },
            s_command with { Terminal = new Terminal(24, 80, false, true, false) },
            s_command with { Terminal = new Terminal(24, 80, false, false, true) },
        ];

        Assert.Distinct(commands.Select(command => Weak(command)));
        Assert.NotEqual(Weak(s_command), Weak(s_command, caller: "ana"));
        Assert.NotEqual(Weak(s_command), Weak(s_command, workspace: "copying"));
        Assert.NotEqual(Weak(s_command), Weak(s_command, responseFile: "-O1"));
        Assert.NotEqual(Weak(s_command, responseFile: "-O2"), Weak(s_command, responseFile: "-O1"));
    }

    [Fact]
    public async Task A_command_keeps_its_last_path_sets_and_their_last_results()
    {
        using DiskResultIndex index = new(ResultFiles.Open(_directory, 1 << 24, TimeProvider.System, NullLogger.Instance));
        CoreDigest weak = Name("weak");
        for (int i = 0; i < 20; i++)
        {
            PathSet paths = PathSet.Of([new Repr.ObservedInput(VirtualPath.Parse($"/{i}"), ObservedKind.Read)], []);
            for (int result = 0; result < 10; result++)
            {
                await index.AddAsync(weak, Name($"set {i}"), paths, Name($"{i} {result}"), new KnownResult { ToolMs = i }, Token);
            }
        }

        await index.UseAsync(weak, Name("set 10"), Name("10 3"), Token);

        CommandEntry command = (await index.FindCommandAsync(weak, Token))!;
        Assert.Equal(16, command.PathSets.Count);
        Assert.Equal(
            new[] { 10, 19, 18 }.Select(i => Name($"set {i}").HashText), command.PathSets.Take(3).Select(known => known.Id.HashText));
        Assert.Equal(
            new[] { 3, 9, 8, 7, 6, 5, 4, 2 }.Select(i => Name($"10 {i}").HashText), command.PathSets[0].Results.Select(result => result.HashText));
        Assert.Equal("/10", Assert.Single((await index.FindPathSetAsync(command.PathSets[0].Id, Token))!.Inputs).Path.Text);
        Assert.Equal(10, (await index.FindResultAsync(Name("10 3"), Token))!.ToolMs);

        await index.RefuseAsync(weak, DateTimeOffset.UnixEpoch.AddDays(1), Token);
        await index.UseAsync(weak, Name("set 10"), Name("10 3"), Token); // it was being given when the other run was compared
        command = (await index.FindCommandAsync(weak, Token))!;
        Assert.Empty(command.PathSets);
        Assert.True(ResultLookup.IsRefused(command, DateTimeOffset.UnixEpoch.AddDays(7)));
        Assert.False(ResultLookup.IsRefused(command, DateTimeOffset.UnixEpoch.AddDays(9)));
    }

    private static CoreDigest Name(string text)
    {
        using Fingerprint name = new(text);
        return name.End();
    }

    private static CoreDigest Weak(CoreCommand command, string caller = "", string workspace = "fuse", string? responseFile = null) => WeakFingerprint.Of(
        new ActionRequest(
            command,
            responseFile is null
                ? []
                : [new CoreFileFact(
                    VirtualPath.Parse("/p/flags.rsp"), CoreDigest.Compute(System.Text.Encoding.UTF8.GetBytes(responseFile)), responseFile.Length, 0x1A4, 0)],
            "test"),
        caller,
        workspace);
}
