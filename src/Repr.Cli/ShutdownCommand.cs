using System.CommandLine;
using System.Net.Sockets;
using Repr.Protocol.V1;
using Repr.Requester.Door;

namespace Repr.Cli;

/// <summary><c>repr shutdown</c>: ends the background process, after its actions or at once.</summary>
internal static class ShutdownCommand
{
    /// <summary>Makes the verb.</summary>
    public static System.CommandLine.Command Create()
    {
        Option<string> door = DoorOption.Create();
        Option<bool> force = new("--force") { Description = "Do not wait for running actions; they run locally." };
        System.CommandLine.Command command = new("shutdown", "Stop the background process.") { door, force };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(door)!, parsed.GetValue(force), parsed.InvocationConfiguration, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string door, bool force, InvocationConfiguration console, CancellationToken cancellationToken)
    {
        try
        {
            DoorReply? reply =
                await DoorClient.AskAsync(door, new DoorRequest { Shutdown = new ShutdownRequest { Force = force } }, cancellationToken);
            await console.Output.WriteLineAsync(reply?.Shutdown is null ? "No requester process runs." : "The requester process stops.");
            return 0;
        }
        catch (Exception exception) when (exception is IOException or SocketException or InvalidDataException)
        {
            await console.Error.WriteLineAsync($"error REPR1301: The requester process does not answer: {exception.Message}");
            return 1;
        }
    }
}
