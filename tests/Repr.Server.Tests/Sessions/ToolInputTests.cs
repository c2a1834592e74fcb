using System.Security.Cryptography;
using Google.Protobuf;

namespace Repr.Server.Tests.Sessions;

using Repr.Protocol.V1; // here, so that it hides the types of Repr with the same names

public sealed class ToolInputTests(WorkerFixture worker) : IClassFixture<WorkerFixture>
{
    private const int Interrupt = 2;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_sent_is_the_tools_standard_input()
    {
        await using TestRequester requester = await ConnectAsync();
        byte[] content = RandomNumberGenerator.GetBytes(3 << 20);
        Task<Completed> action = requester.ExecuteAsync(Taking(1, "sleep 0.3; sha256sum"));

        for (int sent = 0; sent < content.Length;)
        {
            int length = Math.Min(1 << 16, content.Length - sent);
            while (sent + length - requester.InputTaken > 1 << 20)
            {
                await Task.Delay(5, Cancellation);
            }

            await SendAsync(requester, new ToolInput { Data = ByteString.CopyFrom(content, sent, length) });
            sent += length;
        }

        await SendAsync(requester, new ToolInput { End = true });
        Completed completed = await action;

        Assert.Equal(0, completed.Exit.Code);
        Assert.StartsWith(Convert.ToHexStringLower(SHA256.HashData(content)), Output(requester), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_input_the_tool_reads_nothing()
    {
        await using TestRequester requester = await ConnectAsync();

        Completed completed = await requester.ExecuteAsync(TestRequester.Shell(1, "cat; readlink /proc/self/fd/0"));

        Assert.Equal(0, completed.Exit.Code);
        Assert.Equal("/dev/null\n", Output(requester));
    }

    [Fact]
    public async Task A_tool_that_does_not_read_its_input_ends_all_the_same()
    {
        await using TestRequester requester = await ConnectAsync();
        Task<Completed> action = requester.ExecuteAsync(Taking(1, "exec 0<&-; sleep 0.5; echo done"));
        await SendBlocksAsync(requester, 16);

        Assert.Equal(0, (await action).Exit.Code);
        Assert.Equal("done\n", Output(requester));
    }

    [Fact]
    public async Task More_than_the_window_ends_the_action()
    {
        await using TestRequester requester = await ConnectAsync();
        Task<Completed> action = requester.ExecuteAsync(Taking(1, "sleep 1000"));
        await SendBlocksAsync(requester, 40);

        Assert.Equal(FailureCode.Cancelled, (await action).Failure.Code);
    }

    [Fact]
    public async Task A_signal_reaches_the_tools_process_group()
    {
        await using TestRequester requester = await ConnectAsync();
        Task<Completed> action = requester.ExecuteAsync(
            TestRequester.Shell(1, "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.05; done"));
        await ForTextAsync(requester, "ready");

        await SendAsync(requester, new ToolInput { Signal = Interrupt });
        Completed completed = await action;

        Assert.Equal(7, completed.Exit.Code);
        Assert.EndsWith("caught\n", Output(requester), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tool_that_a_passed_signal_kills_was_ended_by_it()
    {
        await using TestRequester requester = await ConnectAsync();
        Task<Completed> action = requester.ExecuteAsync(TestRequester.Shell(1, "echo ready; exec sleep 1000"));
        await ForTextAsync(requester, "ready");

        await SendAsync(requester, new ToolInput { Signal = Interrupt });

        Assert.Equal(Interrupt, (await action).Exit.Signal);
    }

    [Theory]
    [InlineData(false, true, true, "0:no 1:yes 2:yes")]
    [InlineData(false, false, true, "0:no 1:no 2:yes")]
    [InlineData(true, true, true, "0:yes 1:yes 2:yes")]
    public async Task The_tool_has_a_terminal_where_the_requester_has_one(bool input, bool output, bool error, string expected)
    {
        await using TestRequester requester = await ConnectAsync();
        Execute execute = Taking(
            1, "for i in 0 1 2; do if [ -t $i ]; then printf \"$i:yes \"; else printf \"$i:no \"; fi; done; stty size <&2; stty size <&2 >&2");
        execute.Command.Terminal =
            new Terminal { Rows = 33, Columns = 111, StandardInput = input, StandardOutput = output, StandardError = error };

        Completed completed = await requester.ExecuteAsync(execute);

        Assert.Equal(0, completed.Exit.Code);
        string text = Output(requester) + Error(requester);
        Assert.StartsWith(expected, text, StringComparison.Ordinal);
        Assert.Contains("33 111", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_terminal_that_only_shows_text_does_not_change_it()
    {
        await using TestRequester requester = await ConnectAsync();
        Execute execute = TestRequester.Shell(1, "printf 'a\\nb\\n'");
        execute.Command.Terminal = new Terminal { Rows = 10, Columns = 10, StandardOutput = true, StandardError = true };

        await requester.ExecuteAsync(execute);

        Assert.Equal("a\nb\n", Output(requester));
    }

    [Fact]
    public async Task A_key_typed_at_the_terminal_interrupts_and_a_new_size_is_seen()
    {
        await using TestRequester requester = await ConnectAsync();
        Execute execute = Taking(1, "trap 'stty size; exit 9' INT; echo ready; while :; do sleep 0.05; done");
        execute.Command.Terminal =
            new Terminal { Rows = 10, Columns = 10, StandardInput = true, StandardOutput = true, StandardError = true };
        Task<Completed> action = requester.ExecuteAsync(execute);
        await ForTextAsync(requester, "ready");

        await SendAsync(requester, new ToolInput { Resized = new Terminal { Rows = 44, Columns = 55 } });
        await SendAsync(requester, new ToolInput { Data = ByteString.CopyFrom(3) });

        Assert.Equal(9, (await action).Exit.Code);
        Assert.Contains("44 55", Output(requester), StringComparison.Ordinal);
    }

    private static Execute Taking(ulong id, string script)
    {
        Execute execute = TestRequester.Shell(id, script);
        execute.Command.TakesInput = true;
        return execute;
    }

    private static Task SendAsync(TestRequester requester, ToolInput input) =>
        requester.SendAsync(new RequesterMessage { ActionInput = new ActionInput { ActionId = 1, Input = input } });

    private static async Task SendBlocksAsync(TestRequester requester, int count)
    {
        for (int i = 0; i < count; i++)
        {
            await SendAsync(requester, new ToolInput { Data = ByteString.CopyFrom(new byte[1 << 16]) });
        }
    }

    private static string Output(TestRequester requester) => requester.TextOf(Text.Types.Stream.Stdout);

    private static string Error(TestRequester requester) => requester.TextOf(Text.Types.Stream.Stderr);

    private static async Task ForTextAsync(TestRequester requester, string text)
    {
        while (!Output(requester).Contains(text, StringComparison.Ordinal))
        {
            await Task.Delay(10, Cancellation);
        }
    }

    private Task<TestRequester> ConnectAsync()
    {
        Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
        return TestRequester.ConnectAsync(worker.Address);
    }
}
