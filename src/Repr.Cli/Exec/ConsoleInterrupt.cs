namespace Repr.Cli.Exec;

/// <summary>Ctrl-C: cancels what runs on a worker; a local command gets it from the console itself, and decides.</summary>
internal sealed class ConsoleInterrupt : IDisposable
{
    private readonly CancellationTokenSource _cancellation;
    private bool _isChilds;

    /// <summary>Listens.</summary>
    public ConsoleInterrupt(CancellationTokenSource cancellation)
    {
        _cancellation = cancellation;
        Console.CancelKeyPress += OnPress;
    }

    /// <summary>What a process returns that Ctrl-C has ended: STATUS_CONTROL_C_EXIT, or 128 + SIGINT.</summary>
    public static int ExitCode => OperatingSystem.IsWindows() ? unchecked((int)0xC000013A) : 130;

    /// <summary>From here a local command has it.</summary>
    public void LeaveToChild() => Volatile.Write(ref _isChilds, true);

    /// <inheritdoc/>
    public void Dispose() => Console.CancelKeyPress -= OnPress;

    private void OnPress(object? sender, ConsoleCancelEventArgs press)
    {
        press.Cancel = true;
        if (!Volatile.Read(ref _isChilds))
        {
            _cancellation.Cancel();
        }
    }
}
