namespace Repr.Requester.Actions;

/// <summary>What a program is, by its name.</summary>
public static class ProgramNames
{
    /// <summary>A compiler, assembler, linker or archiver: it writes nothing but its outputs, and leaves standard input to who calls it.</summary>
    /// <param name="program">Name or path.</param>
    public static bool IsCompiler(string program) => CommandLine.IsCompiler(program);
}
