using System.CommandLine;
using System.Globalization;
using System.Net.Sockets;
using Google.Protobuf;
using Repr.Protocol.V1;
using Repr.Requester.Door;

namespace Repr.Cli;

/// <summary><c>repr status</c>: what the background process does, for people or as JSON.</summary>
internal static class StatusCommand
{
    /// <summary>Makes the verb.</summary>
    public static System.CommandLine.Command Create()
    {
        Option<string> door = DoorOption.Create();
        Option<bool> json = new("--json") { Description = "Write one JSON object." };
        System.CommandLine.Command command = new("status", "Show the background process and its workers.") { door, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(door)!, parsed.GetValue(json), parsed.InvocationConfiguration, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string door, bool asJson, InvocationConfiguration console, CancellationToken cancellationToken)
    {
        DoorReply? reply;
        try
        {
            reply = await DoorClient.AskAsync(door, new DoorRequest { Status = new StatusRequest() }, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or SocketException or InvalidDataException)
        {
            await console.Error.WriteLineAsync($"error REPR1301: The requester process does not answer: {exception.Message}");
            return 1;
        }

        if (asJson)
        {
            string text = reply?.Status is { } found ? new JsonFormatter(new JsonFormatter.Settings(true).WithPreserveProtoFieldNames(true)).Format(found) : "{}";
            await console.Output.WriteLineAsync(text);
            return 0;
        }

        if (reply?.Status is not { } status)
        {
            await console.Output.WriteLineAsync("No requester process runs; a build starts it.");
            return 0;
        }

        await WriteAsync(console.Output, status);
        return 0;
    }

    private static async Task WriteAsync(TextWriter output, StatusReply status)
    {
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"Requester {status.ProductVersion}, process {status.ProcessId}: {status.Running} running, {status.Completed} done ({status.Cached} from a cache), {status.NotRun} not run remotely, {status.DigestCacheEntries} digests known"));
        if (status.Workers.Count == 0)
        {
            await output.WriteLineAsync("No worker was used yet.");
            return;
        }

        int endpoint = Math.Max("Endpoint".Length, status.Workers.Max(worker => worker.Endpoint.Length));
        int name = Math.Max("Worker".Length, status.Workers.Max(worker => worker.WorkerId.Length));
        await output.WriteLineAsync($"{"Endpoint".PadRight(endpoint)}  {"Worker".PadRight(name)}  State        Running  Slots");
        foreach (WorkerStatus worker in status.Workers)
        {
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"{worker.Endpoint.PadRight(endpoint)}  {worker.WorkerId.PadRight(name)}  {worker.State,-11}  {worker.Running,7}  {worker.Slots,5}"));
        }
    }
}
