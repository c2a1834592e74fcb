using Google.Protobuf;

namespace Repr.Protocol;

// Terminals, and what is sent to a running tool.
public static partial class WireConversions
{
    private const int KillSignal = 9;
    private const int StopSignal = 19;

    /// <summary>Writes a terminal.</summary>
    public static V1.Terminal ToWire(this Terminal terminal)
    {
        ArgumentNullException.ThrowIfNull(terminal);
        return new V1.Terminal
        {
            Rows = (uint)terminal.Rows,
            Columns = (uint)terminal.Columns,
            StandardInput = terminal.IsInput,
            StandardOutput = terminal.IsOutput,
            StandardError = terminal.IsError,
        };
    }

    /// <summary>Reads a terminal; its size is cut to what one can have.</summary>
    /// <param name="terminal">The terminal.</param>
    /// <param name="takesInput">Whether it can be the tool's input.</param>
    public static Terminal ToCore(this V1.Terminal terminal, bool takesInput)
    {
        ArgumentNullException.ThrowIfNull(terminal);
        return new Terminal(
            Cells(terminal.Rows), Cells(terminal.Columns), takesInput && terminal.StandardInput, terminal.StandardOutput, terminal.StandardError);
    }

    /// <summary>Writes something for a tool.</summary>
    public static V1.ToolInput ToWire(this ToolInput input) => input switch
    {
        InputData data => new V1.ToolInput { Data = ByteString.CopyFrom(data.Bytes.Span) },
        InputSignal signal => new V1.ToolInput { Signal = signal.Number },
        InputResize size => new V1.ToolInput { Resized = new V1.Terminal { Rows = (uint)size.Rows, Columns = (uint)size.Columns } },
        _ => new V1.ToolInput { End = true },
    };

    /// <summary>Reads something for a tool; null: it says nothing, or what only a later minor version knows.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: too many bytes, or no signal that may be sent.</exception>
    public static ToolInput? ToCore(this V1.ToolInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return input.InputCase switch
        {
            V1.ToolInput.InputOneofCase.Data => Data(input.Data),
            V1.ToolInput.InputOneofCase.End => new InputEnd(),
            V1.ToolInput.InputOneofCase.Signal => Signal(input.Signal),
            V1.ToolInput.InputOneofCase.Resized => new InputResize(Cells(input.Resized.Rows), Cells(input.Resized.Columns)),
            _ => null,
        };
    }

    private static InputData Data(ByteString data) => data.Length <= ToolInput.MaximumBytes
        ? new InputData(data.Memory)
        : throw Invalid($"At most {ToolInput.MaximumBytes} bytes of input are sent at once, not {data.Length}.");

    private static InputSignal Signal(int number) => number is > 0 and < 32 and not (KillSignal or StopSignal)
        ? new InputSignal(number)
        : throw Invalid($"The signal {number} cannot be sent to a tool.");

    private static int Cells(uint count) => (int)Math.Min(count, ushort.MaxValue);
}
