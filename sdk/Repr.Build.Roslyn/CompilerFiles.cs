using System.Xml;
using System.Xml.Linq;
using Microsoft.Build.Framework;
using Microsoft.CodeAnalysis.BuildTasks;

namespace Repr.Build;

/// <summary>
/// What a compiler reads and writes, from the parameters of its task alone. All paths become absolute here, against the project's
/// directory; nothing is checked but what has to be listed.
/// </summary>
/// <param name="projectDirectory">What relative paths are relative to.</param>
/// <param name="analyzers">What lies beside analyzers.</param>
internal sealed class CompilerFiles(string projectDirectory, AnalyzerDirectories analyzers)
{
    private readonly HashSet<string> _inputs = new(StringComparer.Ordinal);
    private readonly HashSet<string> _readRoots = new(StringComparer.Ordinal);
    private readonly HashSet<string> _outputFiles = new(StringComparer.Ordinal);
    private readonly HashSet<string> _outputDirectories = new(StringComparer.Ordinal);

    /// <summary>Files that the compiler will probably read.</summary>
    public IReadOnlyCollection<string> Inputs => _inputs;

    /// <summary>Directories of which it may read more than is declared.</summary>
    public IReadOnlyCollection<string> ReadRoots => _readRoots;

    /// <summary>Files that it may write.</summary>
    public IReadOnlyCollection<string> OutputFiles => _outputFiles;

    /// <summary>Directories in which it may write anything.</summary>
    public IReadOnlyCollection<string> OutputDirectories => _outputDirectories;

    /// <summary>Takes what both compilers have in common.</summary>
    public void Add(ManagedCompiler compiler)
    {
        foreach (ITaskItem[]? items in (ITaskItem[]?[])[
            compiler.Sources, compiler.References, compiler.AdditionalFiles, compiler.AnalyzerConfigFiles, compiler.PotentialAnalyzerConfigFiles,
            compiler.EmbeddedFiles, compiler.Resources, compiler.LinkResources, compiler.ResponseFiles])
        {
            AddInputs(items);
        }

        foreach (string? file in (IEnumerable<string?>)[
            .. compiler.AddModules ?? [], compiler.KeyFile, compiler.Win32Icon, compiler.Win32Manifest, compiler.Win32Resource, compiler.SourceLink])
        {
            AddInput(file);
        }

        AddAnalyzers(compiler.Analyzers);
        AddRuleSet(compiler.CodeAnalysisRuleSet);
        AddOutputFile(compiler.OutputAssembly?.ItemSpec);
        AddOutputFile(compiler.OutputRefAssembly?.ItemSpec);
        AddErrorLog(compiler.ErrorLog);
        AddOutputDirectory(compiler.GeneratedFilesOutputPath);
    }

    /// <summary>Adds a file that the compiler reads; nothing for an empty path.</summary>
    public void AddInput(string? path)
    {
        if (!string.IsNullOrEmpty(path))
        {
            _inputs.Add(Absolute(path));
        }
    }

    /// <summary>Adds a directory from which the compiler may read anything; nothing for an empty path.</summary>
    public void AddReadRoot(string? path)
    {
        if (!string.IsNullOrEmpty(path))
        {
            _readRoots.Add(Absolute(path));
        }
    }

    /// <summary>Adds a file that the compiler writes; nothing for an empty path.</summary>
    public void AddOutputFile(string? path)
    {
        if (!string.IsNullOrEmpty(path))
        {
            _outputFiles.Add(Absolute(path));
        }
    }

    /// <summary>Adds the symbol file: the given one, else the one beside the assembly, if the kind of symbols needs one.</summary>
    public void AddSymbols(ManagedCompiler compiler, string? pdbFile)
    {
        // The task's own rules (AddResponseFileCommands) have set DebugType to null for 'none' by now.
        bool needsFile = string.IsNullOrEmpty(compiler.DebugType)
            ? compiler.EmitDebugInformation
            : !compiler.DebugType.Equals("embedded", StringComparison.OrdinalIgnoreCase)
                && !compiler.DebugType.Equals("none", StringComparison.OrdinalIgnoreCase);
        if (needsFile)
        {
            AddOutputFile(string.IsNullOrEmpty(pdbFile) ? Path.ChangeExtension(compiler.OutputAssembly?.ItemSpec, ".pdb") : pdbFile);
        }
    }

    /// <summary>
    /// Takes what a response file of the user adds. Only what is written there is a matter of the declaration: files that are read are
    /// asked for when they are needed.
    /// </summary>
    /// <param name="arguments">The response file's content, split.</param>
    /// <returns>False when it has an option that cannot run elsewhere.</returns>
    public bool AddResponseFile(IEnumerable<string> arguments)
    {
        foreach (string argument in arguments)
        {
            int colon = argument.IndexOf(':', StringComparison.Ordinal);
            if (colon < 2 || argument[0] is not ('/' or '-'))
            {
                continue;
            }

            string value = argument[(colon + 1)..].Trim('"');
            switch (argument[1..colon].ToUpperInvariant())
            {
                case "KEYCONTAINER":
                    return false;
                case "OUT" or "REFOUT" or "PDB" or "DOC":
                    AddOutputFile(value);
                    break;
                case "ERRORLOG":
                    AddErrorLog(value);
                    break;
                case "GENERATEDFILESOUT":
                    AddOutputDirectory(value);
                    break;
            }
        }

        return true;
    }

    private void AddInputs(ITaskItem[]? items)
    {
        foreach (ITaskItem item in items ?? [])
        {
            AddInput(item.ItemSpec);
        }
    }

    // An analyzer may load any assembly that lies beside it.
    private void AddAnalyzers(ITaskItem[]? items)
    {
        AddInputs(items);
        foreach (string directory in (items ?? []).Select(item => Path.GetDirectoryName(Absolute(item.ItemSpec))!).Distinct(StringComparer.Ordinal))
        {
            AddReadRoot(directory);
            _inputs.UnionWith(analyzers.LibrariesIn(directory));
        }
    }

    private void AddRuleSet(string? ruleSet)
    {
        Queue<string> pending = new();
        if (!string.IsNullOrEmpty(ruleSet))
        {
            pending.Enqueue(Absolute(ruleSet));
        }

        while (pending.TryDequeue(out string? file))
        {
            if (!_inputs.Add(file) || !File.Exists(file))
            {
                continue;
            }

            foreach (string include in IncludesOf(file))
            {
                pending.Enqueue(Path.GetFullPath(include, Path.GetDirectoryName(file)!));
            }
        }
    }

    private static IEnumerable<string> IncludesOf(string ruleSet)
    {
        try
        {
            return XDocument.Load(ruleSet).Descendants("Include").Select(include => (string?)include.Attribute("Path")).OfType<string>();
        }
        catch (Exception exception) when (exception is XmlException or IOException or UnauthorizedAccessException)
        {
            // The compiler will say what is wrong with it.
            return [];
        }
    }

    // As in "log.sarif,version=2.1".
    private void AddErrorLog(string? errorLog) => AddOutputFile(errorLog?.Split([',', ';'], 2)[0].Trim('"'));

    private void AddOutputDirectory(string? path)
    {
        if (!string.IsNullOrEmpty(path))
        {
            _outputDirectories.Add(Path.TrimEndingDirectorySeparator(Absolute(path)));
        }
    }

    private string Absolute(string path) => Path.GetFullPath(path, projectDirectory);
}
