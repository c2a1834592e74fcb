namespace Repr.Bench;

/// <summary>The bench can't go on, or found what must not be: its message is for the person who runs it.</summary>
/// <param name="message">What, where, and what to do.</param>
internal sealed class BenchException(string message) : Exception(message);
