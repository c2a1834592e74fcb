using System.Net.Sockets;
using Google.Protobuf;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using Repr.Protocol.V1;
using Task = System.Threading.Tasks.Task;

namespace Repr.Build.Tests;

/// <summary>A compile announces itself on a connection that the build keeps, and gives the connection back whatever becomes of it.</summary>
public sealed class AnnouncingTaskTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-announcing-").FullName;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly RememberingEngine _engine = new();
    private readonly RemoteSettings _settings;
    private readonly DoorConnections _kept;
    private readonly List<string> _requests = [];
    private readonly Task _serving;

    static AnnouncingTaskTests() => CompileTaskTests.FindCompilerTasks();

    public AnnouncingTaskTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The door is a pipe there.");
        File.SetUnixFileMode(_directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Environment.SetEnvironmentVariable("REPR_RUNTIME_DIR", _directory);
        _settings = Settings.Any with { ToolPath = Path.Combine(_directory, "repr.dll") };
        File.WriteAllText(_settings.ToolPath, "");
        string door = DoorAddress.Door(DoorAddress.RuntimeDirectory(), _settings.ToolPath);
        _listener.Bind(new UnixDomainSocketEndPoint(door));
        _listener.Listen();
        _serving = ServeAsync(_listener, _requests);
        _kept = DoorConnections.Of(_engine, _settings.ToolPath)!;
        _kept.Keep(DoorConnection.TryConnect(door)!);
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("REPR_RUNTIME_DIR", null);
        _listener.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_compile_is_announced_by_the_key_that_it_then_has()
    {
        Csc task = NewTask();

        Assert.True(task.Execute(), string.Join('\n', _engine.Logged));

        _kept.Dispose();
        await _serving;
        Assert.Equal(2, _requests.Count);
        Assert.StartsWith("announced Csc ", _requests[0], StringComparison.Ordinal);
        Assert.Equal(_requests[0], "announced " + _requests[1]["run ".Length..]);
        Assert.EndsWith(Path.Combine(_directory, "a.dll"), _requests[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_compile_that_runs_here_gives_its_connection_back()
    {
        Csc task = NewTask();
        task.KeyContainer = "a thing of this machine";

        task.Execute(); // fails: there is no such container

        DoorConnection? back = _kept.Take();
        Assert.NotNull(back);
        back.Dispose();
        await _serving;
        Assert.StartsWith("announced Csc ", Assert.Single(_requests), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("off", true, false)]
    [InlineData("verify", true, false)]
    [InlineData("", false, false)]
    [InlineData("", true, true)]
    public async Task What_has_no_known_result_is_not_announced(string cache, bool isDeterministic, bool isSkipped)
    {
        Csc task = NewTask(cache);
        task.Deterministic = isDeterministic;
        task.SkipCompilerExecution = isSkipped;

        Assert.True(task.Execute(), string.Join('\n', _engine.Logged));

        _kept.Dispose();
        await _serving;
        Assert.DoesNotContain(_requests, static request => request.StartsWith("announced", StringComparison.Ordinal));
    }

    /// <summary>Serves one connection until its end: runs are done, announcements have no answer.</summary>
    internal static async Task ServeAsync(Socket listener, List<string> requests)
    {
        using Socket socket = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        await using NetworkStream stream = new(socket);
        await Task.Run(
            () =>
            {
                try
                {
                    while (DoorRequest.Parser.ParseDelimitedFrom(stream) is { DoorVersion: > 0 } request)
                    {
                        requests.Add(request.Announcement is { } announced ? $"announced {announced.PredictionKey}" : $"run {request.Run.PredictionKey}".TrimEnd());
                        if (request.Announcement is null)
                        {
                            new DoorReply { Done = new Done { Code = 0 } }.WriteDelimitedTo(stream);
                        }
                    }
                }
                catch (InvalidProtocolBufferException)
                {
                    // Its end.
                }
            },
            TestContext.Current.CancellationToken);
    }

    private Csc NewTask(string cache = "")
    {
        ITaskItem[] any = [new TaskItem(typeof(AnnouncingTaskTests).Assembly.Location)];
        Csc task = new()
        {
            BuildEngine = _engine,
            Sources = any,
            References = any,
            OutputAssembly = new TaskItem(Path.Combine(_directory, "a.dll")),
            Deterministic = true,
        };
        (_settings with { Cache = cache }).Register(_engine, ProjectDirectory.Of(task));
        return task;
    }
}
