namespace Repr.Build.Cxx;

/// <summary>
/// How a family of compilers is called. Pure: from options to arguments. The result is the same whether the tool then runs here or
/// elsewhere.
/// </summary>
internal abstract class CommandStyle
{
    /// <summary>The style of $(ReprCxxToolset).</summary>
    /// <exception cref="ArgumentException">There is no such toolset.</exception>
    public static CommandStyle Of(string toolset) => toolset.ToUpperInvariant() switch
    {
        "GCC" => new GccStyle("gcc", "g++", "ar"),
        "CLANG" => new GccStyle("clang", "clang++", "ar"),
        "CLANG-CL" => new ClStyle("clang-cl", "lld-link", "llvm-lib", isClang: true),
        "" or "CL" => new ClStyle("cl.exe", "link.exe", "lib.exe", isClang: false),
        _ => throw new ArgumentException($"'{toolset}' is no C++ toolset: set ReprCxxToolset to gcc, clang or clang-cl."),
    };

    /// <summary>Clang's driver looks for toolchains of graphics processors (/opt/rocm-5.0) each time.</summary>
    protected static IReadOnlyList<string> ClangListings { get; } = OperatingSystem.IsLinux() ? ["/opt"] : [];

    /// <summary>Of object files, as in ".o".</summary>
    public abstract string ObjectExtension { get; }

    /// <summary>Of the files in which the compiler writes what it has read.</summary>
    public abstract string DependencyExtension { get; }

    /// <summary>True when the precompiled header is compiled by a command of its own, from <see cref="PrecompiledHeaderSource"/>.</summary>
    public abstract bool HasSeparatePrecompiledHeader { get; }

    /// <summary>Directories in which the driver looks for names, whatever it compiles.</summary>
    public virtual IReadOnlyList<string> Listings => [];

    /// <summary>The program that compiles.</summary>
    public abstract string Compiler(bool isC);

    /// <summary>The program that links.</summary>
    public abstract string Linker { get; }

    /// <summary>The program that makes static libraries.</summary>
    public abstract string Librarian { get; }

    /// <summary>Arguments that compile a source.</summary>
    public abstract IReadOnlyList<string> Compile(CompileUnit unit);

    /// <summary>Arguments that compile the header alone.</summary>
    public abstract IReadOnlyList<string> Precompile(CompileUnit unit);

    /// <summary>The precompiled header itself, from the path in the options.</summary>
    public abstract string PrecompiledHeader(CompileUnit unit);

    /// <summary>The file that is compiled to the precompiled header: a header that includes the project's.</summary>
    public abstract string PrecompiledHeaderSource(CompileUnit unit);

    /// <summary>Arguments that link.</summary>
    public abstract IReadOnlyList<string> Link(LinkUnit unit);

    /// <summary>Arguments that make a static library.</summary>
    public abstract IReadOnlyList<string> Archive(LinkUnit unit);
}
