using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Placeholders;

/// <summary>REPR_DOWNLOAD=minimal for compilers behind <c>repr exec</c>.</summary>
public sealed class MinimalExecTests(PackedSdk sdk)
{
    private const string Write = "printf 'int twice(int n) { return 2 * n; }\\n' > a.c; printf 'int twice(int); int main(void) { return twice(21); }\\n' > b.c; ";
    private const string Compile = "$repr exec --fail gcc -c -MD -MF a.d a.c -o a.o && $repr exec --fail gcc -c b.c; ";

    [Fact]
    public async Task Objects_of_compiles_stay_and_the_linker_there_has_them()
    {
        await using WorkerProcess worker = await WorkerProcess.StartAsync(sdk.NewDirectory());
        await using Front front = Minimal(worker.Address);

        FrontRun run = await front.ScriptAsync(
            Write + Compile + "test -L a.o && test -L b.o && test -f a.d && test ! -L a.d || exit 1; "
            + "$repr exec --fail gcc a.o b.o -o prog && test ! -L prog || exit 2; ./prog; test $? -eq 42 || exit 3; "
            + "gcc -c a.c -o here.o && cmp a.o here.o && gcc a.o b.o -o here && cmp prog here");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(0, (await front.ScriptAsync("rm -rf a.o b.o && test ! -L a.o")).ExitCode);
    }

    [Fact]
    public async Task What_runs_here_replaces_a_placeholder_and_does_not_write_through_it()
    {
        await using WorkerProcess worker = await WorkerProcess.StartAsync(sdk.NewDirectory());
        await using Front front = Minimal(worker.Address);
        FrontRun run = await front.ScriptAsync(Write + Compile + "test -L a.o");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));

        run = await front.ScriptAsync("$repr exec --endpoint http://127.0.0.1:1 gcc -c a.c -o a.o && test ! -L a.o && gcc a.o b.o -o prog; ./prog");

        Assert.Equal(42, run.ExitCode);
        Assert.Contains("warning REPR1101", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_requester_process_that_is_gone_leaves_nothing_there_and_a_new_one_serves_it_again()
    {
        await using WorkerProcess worker = await WorkerProcess.StartAsync(sdk.NewDirectory());
        await using Front front = Minimal(worker.Address);
        FrontRun run = await front.ScriptAsync(Write + Compile + "test -e a.o");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));

        foreach (int id in ProcessTable.Find(Path.Combine(front.RuntimeDirectory, "door-")))
        {
            await ProcessTable.KillAsync(id);
        }

        run = await front.ScriptAsync(
            "while test -e a.o; do sleep 0.01; done; $repr exec --fail gcc -c b.c && test -e a.o && $repr exec --fail gcc a.o b.o -o prog && ./prog");
        Assert.Equal(42, run.ExitCode);

        // An orderly end takes the mount away too.
        run = await front.ScriptAsync("""
            $repr shutdown
            for i in $(seq 600); do grep -q "$REPR_RUNTIME_DIR" /proc/mounts || break; sleep 0.1; done # it has been asked, and is about to go
            test ! -e a.o && test -z "$(ls "$REPR_RUNTIME_DIR/content")" && ! grep -q "$REPR_RUNTIME_DIR" /proc/mounts
            """);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));

        // And where the process cannot be started either, a compiler of this machine makes the file.
        run = await front.ScriptAsync("REPR_RUNTIME_DIR=/dev/null $repr exec gcc -c a.c -o a.o; test -f a.o && test ! -L a.o");
        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public async Task What_the_worker_has_lost_is_an_error_of_reading_once_and_then_not_there()
    {
        await using WorkerProcess worker = await WorkerProcess.StartAsync(sdk.NewDirectory());
        await using Front front = Minimal(worker.Address);
        FrontRun run = await front.ScriptAsync(Write + Compile);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        await worker.StopAsync();
        Directory.Delete(Path.Combine(worker.Data, "cas"), recursive: true);
        await worker.StartAsync();

        run = await front.ScriptAsync("cat a.o");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Input/output error", run.Error, StringComparison.Ordinal);

        run = await front.ScriptAsync("test ! -e a.o && grep -c REPR1210 \"$REPR_CACHE_DIR/requester.log\"");
        Assert.Equal((0, "1\n"), (run.ExitCode, run.Output));

        // The linker says what is missing, Repr why; and the compile makes it again.
        run = await front.ScriptAsync("$repr exec gcc a.o b.o -o prog");
        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains("REPR1210", run.Error, StringComparison.Ordinal);
        run = await front.ScriptAsync(Compile + "$repr exec --fail gcc a.o b.o -o prog && ./prog");
        Assert.Equal(42, run.ExitCode);
    }

    [Fact]
    public async Task A_mode_that_means_nothing_is_refused()
    {
        await using Front front = Minimal("http://127.0.0.1:1");

        Assert.Equal(2, (await front.ScriptAsync("REPR_DOWNLOAD=some $repr exec true")).ExitCode);
        Assert.Equal(2, (await front.ExecAsync("--download", "nothing", "true")).ExitCode);
    }

    private static Front Minimal(string endpoint)
    {
        Front front = new(endpoint);
        front.Environment["REPR_DOWNLOAD"] = "minimal";
        return front;
    }
}
