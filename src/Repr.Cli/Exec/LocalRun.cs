using System.ComponentModel;
using System.Diagnostics;

namespace Repr.Cli.Exec;

/// <summary>Runs the command of <c>repr exec</c> on this machine.</summary>
internal static class LocalRun
{
    private const int NotFoundExit = 127;
    private const int NotExecutableExit = 126;
    private const int FileNotFound = 2; // ERROR_FILE_NOT_FOUND, ENOENT

    /// <summary>Runs it with this process's standard streams.</summary>
    /// <returns>Its exit code; 126 or 127 when it could not be started.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> command, StandardInput input)
    {
        bool feeds = input.WasRead || input.IsEmpty;
        ProcessStartInfo start = new(command[0], command.Skip(1)) { UseShellExecute = false, RedirectStandardInput = feeds };
        try
        {
            using Process process = Process.Start(start)!;
            using CancellationTokenSource ended = new();
            Task feeding = feeds ? FeedAsync(process, input, ended.Token) : Task.CompletedTask;
            await process.WaitForExitAsync(CancellationToken.None);
            await ended.CancelAsync(); // nobody may ever end an input that the command does not read
            await feeding;
            return process.ExitCode;
        }
        catch (Win32Exception exception)
        {
            await Console.Error.WriteLineAsync($"repr: error: '{command[0]}' could not be started: {exception.Message}");
            return exception.NativeErrorCode == FileNotFound ? NotFoundExit : NotExecutableExit;
        }
    }

    private static async Task FeedAsync(Process process, StandardInput input, CancellationToken ended)
    {
        try
        {
            await using Stream target = process.StandardInput.BaseStream;
            if (!input.IsEmpty)
            {
                await input.CopyAsync(target, ended);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // It has ended, or reads no more.
        }
    }
}
