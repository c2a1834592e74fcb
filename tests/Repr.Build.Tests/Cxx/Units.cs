using Repr.Build.Cxx;

namespace Repr.Build.Tests.Cxx;

/// <summary>Sources with options as a project would give them.</summary>
internal static class Units
{
    /// <summary>A source with options.</summary>
    public static CompileUnit Compile(string source, params (string Name, string Value)[] options) => new()
    {
        Source = source,
        Object = "obj/a.o",
        DependencyFile = "obj/a.d",
        Options = Options(options),
        PrecompiledHeaderFile = "pch.h",
        PrecompiledHeaderOutputFile = "obj/App.pch",
    };

    /// <summary>Options by name.</summary>
    public static ToolOptions Options(params (string Name, string Value)[] options) =>
        new(name => options.FirstOrDefault(option => option.Name == name).Value);
}
