namespace Repr;

/// <summary>
/// Something for a running tool. One of <see cref="InputData"/>, <see cref="InputEnd"/>, <see cref="InputSignal"/>,
/// <see cref="InputResize"/>.
/// </summary>
public abstract record ToolInput
{
    /// <summary>Most bytes of one <see cref="InputData"/>.</summary>
    public const int MaximumBytes = 1 << 16;

    /// <summary>Most bytes that may be under way to one tool.</summary>
    public const int WindowBytes = 1 << 20;
}

/// <summary>Bytes for standard input.</summary>
/// <param name="Bytes">At most <see cref="ToolInput.MaximumBytes"/>.</param>
public sealed record InputData(ReadOnlyMemory<byte> Bytes) : ToolInput;

/// <summary>Standard input ends.</summary>
public sealed record InputEnd : ToolInput;

/// <summary>A signal for the tool's process group.</summary>
/// <param name="Number">As signal(7) numbers them on Linux; neither SIGKILL nor SIGSTOP.</param>
public sealed record InputSignal(int Number) : ToolInput;

/// <summary>The terminal has another size.</summary>
/// <param name="Rows">Height in characters.</param>
/// <param name="Columns">Width in characters.</param>
public sealed record InputResize(int Rows, int Columns) : ToolInput;

/// <summary>Where a tool's input comes from. Used by one reader.</summary>
public interface IToolInput
{
    /// <summary>The input in its order; ends when there will be no more.</summary>
    IAsyncEnumerable<ToolInput> ReadAllAsync(CancellationToken cancellationToken);

    /// <summary>Is told that bytes went into the tool's standard input, or are lost because it does not read any more.</summary>
    ValueTask TakenAsync(int bytes, CancellationToken cancellationToken);
}
