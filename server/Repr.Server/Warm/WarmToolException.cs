namespace Repr.Server.Warm;

/// <summary>A server did not run a command; a process of its own can.</summary>
internal sealed class WarmToolException(string message) : Exception(message);
