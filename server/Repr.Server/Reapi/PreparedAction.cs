using Repr.Server.Execution;

namespace Repr.Server.Reapi;

/// <summary>What a client said about an output.</summary>
internal enum OutputKind
{
    /// <summary>Whatever it turns out to be (since API 2.1).</summary>
    Path,

    /// <summary>A file, or a link to one.</summary>
    File,

    /// <summary>A directory, or a link to one.</summary>
    Directory,
}

/// <summary>An output that a client wants back.</summary>
/// <param name="Text">As the client wrote it, and as it is told.</param>
/// <param name="Path">Where that is.</param>
/// <param name="Kind">What it is to be.</param>
internal sealed record WantedOutput(string Text, VirtualPath Path, OutputKind Kind);

/// <summary>An action of the Remote Execution API, checked, with all of its inputs in the store.</summary>
/// <param name="Request">What the executor runs.</param>
/// <param name="Inputs">What it sees.</param>
/// <param name="Outputs">What is wanted back.</param>
internal sealed record PreparedAction(ActionRequest Request, InputRoot Inputs, IReadOnlyList<WantedOutput> Outputs);
