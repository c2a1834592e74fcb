using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Repr.EndToEnd.Tests.Sdk;
using Repr.Protocol.V1;

namespace Repr.EndToEnd.Tests.Exec;

/// <summary>A requester process that dies while <c>repr exec</c> waits for it: the next one is asked, once, if nothing was seen of the command.</summary>
public sealed class LostRequesterTests(ExecWorker worker) : IClassFixture<ExecWorker>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task The_next_one_runs_the_command_with_all_of_its_input(bool byHost, bool fromFile)
    {
        await using Front front = new(worker.Address);
        byte[] input = new byte[200_000];
        Random.Shared.NextBytes(input);
        await File.WriteAllBytesAsync(front.PathOf("input"), input, Cancellation);
        string seconds = string.Create(CultureInfo.InvariantCulture, $"31{Random.Shared.Next(1_000_000)}");
        front.Environment["DOTNET_ROOT"] = Path.GetFullPath("../../..", RuntimeEnvironment.GetRuntimeDirectory());
        string command = $"'{(byHost ? Path.Combine(Repository.Product, "repr-host") : front.Program)}' exec --fail sh -c 'cat >kept; test -e again || sleep \"$0\"; cat kept' {seconds}";
        using Process process = front.Start("/bin/sh", ["-c", fromFile ? $"{command} <input" : $"cat input | {command}"]);
        using MemoryStream output = new();
        Task reading = process.StandardOutput.BaseStream.CopyToAsync(output, Cancellation);
        Task<string> error = process.StandardError.ReadToEndAsync(Cancellation);

        while (!ProcessTable.Find($"sleep\0{seconds}").Any())
        {
            Assert.False(process.HasExited, process.HasExited ? await error : "");
            await Task.Delay(10, Cancellation);
        }

        await File.WriteAllTextAsync(front.PathOf("again"), "", Cancellation);
        int requester = Assert.Single(ProcessTable.Find($"requester\0--door\0{front.RuntimeDirectory}"));
        await ProcessTable.KillAsync(requester);
        await reading;
        await process.WaitForExitAsync(Cancellation);

        Assert.Equal((0, ""), (process.ExitCode, await error));
        Assert.True(input.AsSpan().SequenceEqual(output.ToArray()));
        Assert.NotEqual(requester, Assert.Single(ProcessTable.Find($"requester\0--door\0{front.RuntimeDirectory}")));
    }

    [Fact]
    public async Task A_second_one_that_vanishes_is_one_warning_and_a_local_run()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = new(front.RuntimeDirectory, front.ToolPath, (_, _) => Task.FromResult<DoorReply[]>([]));

        FrontRun run = await front.ExecAsync("input"u8.ToArray(), "cat");

        Assert.Equal((0, "input"), (run.ExitCode, run.Output));
        Assert.StartsWith("repr: warning REPR1301: ", run.Error, StringComparison.Ordinal);
        Assert.Equal(2, door.Runs.Count);
        Assert.Equal(door.Runs.First(), door.Runs.Last());
    }

    [Fact]
    public async Task After_text_was_seen_nobody_else_is_asked()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = new(front.RuntimeDirectory, front.ToolPath, (_, _) => Task.FromResult<DoorReply[]>(
            [new DoorReply { Text = new DoorText { Data = ByteString.CopyFromUtf8("he") } }]));

        FrontRun run = await front.ExecAsync("echo", "here");

        Assert.Equal("hehere\n", run.Output);
        Assert.Contains("REPR1301", run.Error, StringComparison.Ordinal);
        Assert.Contains("starts again", run.Error, StringComparison.Ordinal);
        Assert.Single(door.Runs);
    }
}
