using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Google.Protobuf;
using Repr.Protocol.V1;

namespace Repr.EndToEnd.Tests.Sdk;

/// <summary>
/// A door (protos/repr/v1/door.proto) with a person of one's choice behind it: records what tasks ask for and answers as the test
/// wants, by default by running the command in place, with nothing but the environment and the files that were sent.
/// </summary>
internal sealed class TestDoor : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Func<Run, CancellationToken, Task<DoorReply[]>> _answer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    /// <summary>Opens the door of the given repr.dll in a runtime directory.</summary>
    public TestDoor(string runtimeDirectory, string toolPath, Func<Run, CancellationToken, Task<DoorReply[]>>? answer = null)
    {
        _answer = answer ?? RunInPlaceAsync;
        File.WriteAllText(toolPath, "");
        FileInfo tool = new(toolPath);
        string identity = string.Create(CultureInfo.InvariantCulture, $"{tool.FullName}|{tool.Length}|{tool.LastWriteTimeUtc.Ticks}");
        ulong name = 14695981039346656037; // FNV-1a
        foreach (byte octet in Encoding.UTF8.GetBytes(identity))
        {
            name = unchecked((name ^ octet) * 1099511628211);
        }

        Directory.CreateDirectory(runtimeDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(runtimeDirectory, $"door-{name:x16}.sock")));
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    /// <summary>What was asked for, in the order of arrival.</summary>
    public ConcurrentQueue<Run> Runs { get; } = new();

    /// <summary>Completes when a client has gone before it had its answer.</summary>
    public TaskCompletionSource Abandoned { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    /// <summary>Runs a command where it stands.</summary>
    public static async Task<DoorReply[]> RunInPlaceAsync(Run run, CancellationToken cancellationToken)
    {
        foreach (VirtualFile file in run.VirtualFiles)
        {
            await File.WriteAllBytesAsync(file.Path, file.Content.ToByteArray(), cancellationToken);
        }

        foreach (string directory in run.OutputDirectories)
        {
            Directory.CreateDirectory(directory);
        }

        ProcessStartInfo start = new(run.Command.Arguments[0], run.Command.Arguments.Skip(1))
        {
            WorkingDirectory = run.Command.WorkingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        foreach ((string name, string value) in run.Command.Environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        using MemoryStream output = new();
        using MemoryStream error = new();
        await Task.WhenAll(
            process.StandardOutput.BaseStream.CopyToAsync(output, cancellationToken),
            process.StandardError.BaseStream.CopyToAsync(error, cancellationToken));
        await process.WaitForExitAsync(cancellationToken);
        foreach (VirtualFile file in run.VirtualFiles)
        {
            File.Delete(file.Path);
        }

        return
        [
            new DoorReply { Text = new DoorText { Data = ByteString.CopyFrom(output.ToArray()) } },
            new DoorReply { Text = new DoorText { IsStderr = true, Data = ByteString.CopyFrom(error.ToArray()) } },
            new DoorReply { Done = new Done { Code = process.ExitCode, Worker = "in-place", Statistics = new RunStatistics { Mapped = (uint)run.Inputs.Count } } },
        ];
    }

    private async Task AcceptAsync()
    {
        List<Task> serving = [];
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptAsync(_stop.Token);
                serving.Add(Task.Run(() => ServeAsync(socket)));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using NetworkStream stream = new(socket, ownsSocket: true);
        using CancellationTokenSource gone = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        DoorRequest request;
        try
        {
            request = DoorRequest.Parser.ParseDelimitedFrom(stream);
        }
        catch (InvalidProtocolBufferException)
        {
            return; // the client has seen who listens, and does not want it
        }

        if (request.RequestCase == DoorRequest.RequestOneofCase.Status)
        {
            return; // a task warms up, and does not need the answer
        }

        Runs.Enqueue(request.Run);
        Task watch = WatchAsync(stream, gone);
        try
        {
            foreach (DoorReply reply in await _answer(request.Run, gone.Token))
            {
                reply.WriteDelimitedTo(stream);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // The client has gone, or the test has ended.
        }

        socket.Dispose();
        await watch;
    }

    private async Task WatchAsync(NetworkStream stream, CancellationTokenSource gone)
    {
        try
        {
            if (await stream.ReadAsync(new byte[1], _stop.Token) == 0)
            {
                Abandoned.TrySetResult();
                await gone.CancelAsync();
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // Answered.
        }
    }
}
