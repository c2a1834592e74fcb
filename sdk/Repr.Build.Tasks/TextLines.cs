using System.Text;

namespace Repr.Build;

/// <summary>
/// Cuts the bytes of one stream of a tool into lines as they arrive: as the runtime's own asynchronous reader does for a local process,
/// a line ends at CR, LF or CR LF, and what is left at the end is a line too. Not for concurrent use.
/// </summary>
/// <param name="encoding">Of the stream. A character may be spread over several chunks.</param>
/// <param name="log">Gets each line without its end.</param>
internal sealed class TextLines(Encoding encoding, Action<string> log)
{
    private readonly Decoder _decoder = encoding.GetDecoder();
    private readonly StringBuilder _line = new();
    private bool _wasCarriageReturn;

    /// <summary>Takes the next bytes.</summary>
    public void Add(ReadOnlySpan<byte> bytes) => Add(bytes, flush: false);

    /// <summary>Nothing comes any more: logs what is left.</summary>
    public void End()
    {
        Add([], flush: true);
        if (_line.Length > 0)
        {
            Log();
        }
    }

    private void Add(ReadOnlySpan<byte> bytes, bool flush)
    {
        byte[] chunk = bytes.ToArray();
        char[] characters = new char[_decoder.GetCharCount(chunk, 0, chunk.Length, flush)];
        _decoder.GetChars(chunk, 0, chunk.Length, characters, 0, flush);
        foreach (char character in characters)
        {
            if (character == '\r' || (character == '\n' && !_wasCarriageReturn))
            {
                Log();
            }
            else if (character != '\n')
            {
                _line.Append(character);
            }

            _wasCarriageReturn = character == '\r';
        }
    }

    private void Log()
    {
        string line = _line.ToString();
        _line.Clear();
        log(line);
    }
}
